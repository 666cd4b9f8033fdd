"""`python -m training --minutes 120 --device auto --resume`: the sketch pair, made again."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from pytorch_lightning import LightningModule

from engine.models.catalogue import SKETCH
from engine.models.pair import load_pair
from training.export import clip_state, export, restore
from training.judges.lessons import train_judge
from training.painter import LEARNING_RATE as PAINTER_RATE
from training.painter import PainterTraining
from training.perceptor import LEARNING_RATE as PERCEPTOR_RATE
from training.perceptor import PerceptorTraining
from training.prior import LEARNING_RATE as PRIOR_RATE
from training.prior import PriorTraining
from training.reader import LEARNING_RATE as READER_RATE
from training.reader import ReaderTraining
from training.report import as_markdown, write_report
from training.schedule import Timed, trainer

STAGES = ("painter", "perceptor", "reader", "prior", "judge", "export", "report")
JUDGE_MINUTES = 6.0
FIRST_PART = 0.25
"""The share of a training that a pair which is trained further has behind it."""
LAST = "last.ckpt"
REPORT = Path("docs/sketch")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--minutes", type=float, default=180, help="time for the two trainings")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--resume", action="store_true", help="go on from the last save")
    parser.add_argument("--further", action="store_true", help="begin with the pair that is here")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where saves and logs go")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    options = parser.parse_args()
    trainings: dict[str, tuple[Callable[[], LightningModule], float]] = {
        "painter": (PainterTraining, PAINTER_RATE),
        "perceptor": (PerceptorTraining, PERCEPTOR_RATE),
        "reader": (partial(_beside_clip, options.runs, ReaderTraining), READER_RATE),
        "prior": (partial(_beside_clip, options.runs, PriorTraining), PRIOR_RATE),
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
                run, module = options.runs / stage, make()
                saved = options.resume and (run / LAST).exists()
                if options.further and not saved:
                    restore(module, SKETCH.folder(Path()))
                begun = FIRST_PART if options.further else 0.0
                clip = 1.0 if module.automatic_optimization else None
                training = trainer(Timed(share, rate, begun), run, options.device, clip)
                training.fit(module, ckpt_path=run / LAST if saved else None)
                training.save_checkpoint(run / LAST)


def _beside_clip(
    runs: Path, make: Callable[[PerceptorTraining], LightningModule]
) -> LightningModule:
    """A training beside the CLIP that was trained last, or the one that is here."""
    perceptor = PerceptorTraining()
    if state := clip_state(runs):
        perceptor.load_state_dict(state)
    else:
        restore(perceptor, SKETCH.folder(Path()))
    return make(perceptor)


if __name__ == "__main__":
    main()
