"""`python -m training.sketch --minutes 120 --device auto --resume`: trains the model sketch."""

import argparse
from pathlib import Path

import torch
from pytorch_lightning import LightningModule

from engine.models.catalogue import find
from engine.models.model import load_model
from training.judges.lessons import train_judge
from training.schedule import Timed, trainer
from training.sketch.export import clip_state, export, restore
from training.sketch.perceptor import LEARNING_RATE as PERCEPTOR_RATE
from training.sketch.perceptor import PerceptorTraining
from training.sketch.prior import LEARNING_RATE as PRIOR_RATE
from training.sketch.prior import PriorTraining
from training.sketch.report import as_markdown, write_report
from training.sketch.text_tower import LEARNING_RATE as TEXT_TOWER_RATE
from training.sketch.text_tower import TextTowerTraining
from training.sketch.vqgan import VQGANTraining
from training.vqgan_training import LEARNING_RATE as VQGAN_RATE

STAGES = ("vqgan", "perceptor", "text_tower", "joint", "prior", "judge", "export", "report")
RATES = {
    "vqgan": VQGAN_RATE,
    "perceptor": PERCEPTOR_RATE,
    "text_tower": TEXT_TOWER_RATE,
    "joint": PERCEPTOR_RATE,
    "prior": PRIOR_RATE,
}
"""Learning rates of the stages."""
JUDGE_MINUTES = 6.0
FIRST_PART = 0.25
"""The share of the schedule that counts as passed if training starts from existing weights."""
LAST = "last.ckpt"
REPORT = Path("docs/sketch")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.sketch", description=__doc__)
    parser.add_argument("--minutes", type=float, default=180, help="time for all stages")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--processes", type=int, default=1, help="training in parallel on a CPU")
    parser.add_argument("--resume", action="store_true", help="resume from the last checkpoints")
    parser.add_argument("--further", action="store_true", help="start from the existing weights")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="for checkpoints and logs")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    options = parser.parse_args()
    share = options.minutes / max(1, sum(stage in RATES for stage in options.stages))
    for stage in options.stages:
        match stage:
            case "judge":
                train_judge(JUDGE_MINUTES, options.runs / stage, options.device)
            case "export":
                export(options.runs, find("sketch").folder(Path()))
            case "report":
                pair = load_model("sketch", Path("data"), torch.device("cpu"))
                print(as_markdown(write_report(pair, REPORT, options.runs)))
            case _:
                run, module = options.runs / stage, _begun(stage, options.runs, options.further)
                saved = options.resume and (run / LAST).exists()
                begun = FIRST_PART if options.further or stage == "joint" else 0.0
                clip = 1.0 if module.automatic_optimization else None
                timed = Timed(share, RATES[stage], begun)
                training = trainer(timed, run, options.device, clip, options.processes)
                training.fit(module, ckpt_path=run / LAST if saved else None)
                training.save_checkpoint(run / LAST)


def _begun(stage: str, runs: Path, further: bool) -> LightningModule:
    """The module of a stage, from scratch or, with `further`, from the existing weights.

    The text tower learns what the image tower already distinguishes. Then both train together once
    more, because what the text tower learned alone has not been trained against an adversary.
    """
    module: LightningModule
    match stage:
        case "vqgan":
            module = VQGANTraining()
        case "perceptor":
            module = PerceptorTraining()
        case "text_tower":
            return TextTowerTraining(_clip_so_far(runs))
        case "joint":
            return _clip_so_far(runs)
        case _:
            module = PriorTraining(_clip_so_far(runs))
    if further:
        restore(module, find("sketch").folder(Path()))
    return module


def _clip_so_far(runs: Path) -> PerceptorTraining:
    """The latest trained CLIP, or else the existing one."""
    perceptor = PerceptorTraining()
    if state := clip_state(runs):
        perceptor.load_state_dict(state)
    else:
        restore(perceptor, find("sketch").folder(Path()))
    return perceptor


if __name__ == "__main__":
    main()
