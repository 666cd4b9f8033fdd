"""`python -m training --minutes 120 --device auto --resume`: the sketch pair, made again."""

import argparse
from pathlib import Path

import pytorch_lightning as pl
import torch

from engine.models.catalogue import SKETCH
from engine.models.pair import load_pair
from training.export import export, restore
from training.judges.lessons import train_judge
from training.painter import LEARNING_RATE as PAINTER_RATE
from training.painter import PainterTraining
from training.perceptor import LEARNING_RATE as PERCEPTOR_RATE
from training.perceptor import PerceptorTraining
from training.report import as_markdown, write_report
from training.schedule import Timed, trainer

STAGES = ("painter", "perceptor", "judge", "export", "report")
JUDGE_MINUTES = 6.0
FIRST_PART = 0.25
"""The share of a training that a pair which is trained further has behind it."""
REPORT = Path("docs/sketch")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--minutes", type=float, default=180, help="time for the two trainings")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last save, or the pair here"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where saves and logs go")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    options = parser.parse_args()
    trainings = {
        "painter": (PainterTraining, PAINTER_RATE),
        "perceptor": (PerceptorTraining, PERCEPTOR_RATE),
    }
    share = options.minutes / max(1, sum(stage in trainings for stage in options.stages))
    for stage in options.stages:
        match stage:
            case "judge":
                train_judge(JUDGE_MINUTES, options.runs / stage, options.device)
            case "export":
                export(options.runs, SKETCH.folder(Path()))
            case "report":
                pair = load_pair("sketch", Path("data"), torch.device("cpu"))
                print(as_markdown(write_report(pair, REPORT, options.runs)))
            case _:
                make, rate = trainings[stage]
                train(make(), rate, share, options.runs / stage, options.device, options.resume)


def train(
    module: pl.LightningModule, rate: float, minutes: float, run: Path, device: str, resume: bool
) -> None:
    """Trains for `minutes`, saving to `run` every few minutes.

    To resume it goes on from there; where there is no save, from the pair that is here, which has
    the beginning of the training behind it.
    """
    last = run / "last.ckpt"
    saved = resume and last.exists()
    further = resume and not saved and SKETCH.folder(Path()).exists()
    if further:
        restore(module, SKETCH.folder(Path()))
    training = trainer(Timed(minutes, rate, FIRST_PART if further else 0.0), run, device)
    training.fit(module, ckpt_path=last if saved else None)
    training.save_checkpoint(last)


if __name__ == "__main__":
    main()
