"""Trains `picturebook`, the embedded model.

`python -m training data` downloads, renders and caches the image sets. `python -m training` trains
all stages and exports the weights; `--resume` resumes from the last checkpoints, and `--further`
starts from the included weights.
"""

import argparse
import logging
from pathlib import Path

from training.data.download import fetch
from training.data.sources import sources
from training.export import export
from training.pipeline import STAGES, Stage, shipped_reader
from training.schedule import Timed, trainer
from training.shipped import WEIGHTS, load_shipped
from training.workspace import Workspace

FURTHER_RATE = 0.6
"""The share of a stage's learning rate with which included weights are trained further."""


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = _parser().parse_args()
    reader = shipped_reader() if options.further else None
    workspace = Workspace(options.cache, options.runs, reader)
    if options.command == "data":
        for package in sources().packages:
            fetch(package, workspace.cache)
        images = workspace.images
        print(f"{len(images.pixels)} images of {len(images.concepts)} things")
        return
    chosen = [stage for stage in STAGES if stage.name in options.stages]
    total = sum(stage.share for stage in chosen)
    for stage in chosen:
        _train(stage, workspace, options.minutes * stage.share / total, options)
    if "export" in options.stages:
        export(workspace, WEIGHTS)


def _train(stage: Stage, workspace: Workspace, minutes: float, options: argparse.Namespace) -> None:
    run = workspace.runs / stage.name
    checkpoint = run / "last.ckpt"
    module = stage.module(workspace)
    clip = 1.0 if module.automatic_optimization else None
    rate = stage.learning_rate * (FURTHER_RATE if options.further else 1.0)
    schedule = Timed(minutes, rate)
    training = trainer(schedule, run, options.device, clip, options.processes)
    resumed = options.resume and checkpoint.exists()
    if options.further and not resumed:
        load_shipped(module, stage.name)
    training.fit(module, ckpt_path=checkpoint if resumed else None)
    training.save_checkpoint(checkpoint)


def _parser() -> argparse.ArgumentParser:
    names = (*(stage.name for stage in STAGES), "export")
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("train", "data"), default="train")
    parser.add_argument("--minutes", type=float, default=240, help="time for all stages")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--processes", type=int, default=1, help="training in parallel on a CPU")
    parser.add_argument("--resume", action="store_true", help="resume from the last checkpoints")
    parser.add_argument("--further", action="store_true", help="start from the included weights")
    parser.add_argument("--stages", nargs="+", choices=names, default=names)
    parser.add_argument("--cache", type=Path, default=Path("runs/data"), help="for data")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="for checkpoints and logs")
    return parser


if __name__ == "__main__":
    main()
