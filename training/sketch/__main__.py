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
INITIAL_PROGRESS = 0.25
"""The progress, 0 to 1, at which training starts from existing weights."""
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
    minutes = options.minutes / max(1, sum(stage in RATES for stage in options.stages))
    for stage in options.stages:
        match stage:
            case "judge":
                train_judge(JUDGE_MINUTES, options.runs / stage, options.device)
            case "export":
                export(options.runs, find("sketch").folder(Path()))
            case "report":
                model = load_model("sketch", Path("data"), torch.device("cpu"))
                print(as_markdown(write_report(model, REPORT, options.runs)))
            case _:
                run = options.runs / stage
                module = _module_for(stage, options.runs, options.further)
                resumed = options.resume and (run / LAST).exists()
                initial_progress = INITIAL_PROGRESS if options.further or stage == "joint" else 0.0
                clip = 1.0 if module.automatic_optimization else None
                schedule = Timed(minutes, RATES[stage], initial_progress)
                training = trainer(schedule, run, options.device, clip, options.processes)
                training.fit(module, ckpt_path=run / LAST if resumed else None)
                training.save_checkpoint(run / LAST)


def _module_for(stage: str, runs: Path, further: bool) -> LightningModule:
    """The module of a stage, from scratch or, with `further`, from the existing weights.

    The text tower learns what the image tower already distinguishes. Then both are trained together
    once more, because the text tower alone was not trained against an adversary.
    """
    module: LightningModule
    match stage:
        case "vqgan":
            module = VQGANTraining()
        case "perceptor":
            module = PerceptorTraining()
        case "text_tower":
            return TextTowerTraining(_latest_clip(runs))
        case "joint":
            return _latest_clip(runs)
        case _:
            module = PriorTraining(_latest_clip(runs))
    if further:
        restore(module, find("sketch").folder(Path()))
    return module


def _latest_clip(runs: Path) -> PerceptorTraining:
    """The CLIP of the latest checkpoint, or else the existing one."""
    perceptor = PerceptorTraining()
    if state := clip_state(runs):
        perceptor.load_state_dict(state)
    else:
        restore(perceptor, find("sketch").folder(Path()))
    return perceptor


if __name__ == "__main__":
    main()
