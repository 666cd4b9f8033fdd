"""`python -m bench.quality.ablation`: compares every choice of the method with its alternatives.

Each has one row, with the same prompts and seeds. Rates are those of `bench.quality`; time is CPU
time per image, relative to the unchanged method in the same run.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from bench.markdown import table
from bench.quality.benchmark import RENDERED, Rate, rate_images, render
from bench.quality.prompts import BenchmarkPrompt, held_out
from bench.quality.scores import CNN, OVERLAP
from engine.device import describe_machine
from engine.models.model import Model, load_model
from engine.synthesis.config import CONFIGS, SynthesisConfig, override
from engine.synthesis.job_state import JobState
from engine.synthesis.objective import Target
from engine.synthesis.renderer import Renderer

MODEL = "sketch"
STEPS = 100

MEASURES = {
    "one shape: shape and colour both": "one shape",
    "two shapes: both, with their colours": "two shapes",
    "landscapes: each named element": "landscape elements",
    "watermark present, excluded": "watermark, excluded",
    "its shape and colour, excluded": "its shape",
    "colour to exclude present, excluded": "colour, excluded",
    "the other shape and its colour, excluded": "the other shape",
}
"""The measures of `bench.quality.scores` in the table, and their headings."""


# -- other forms of the loss -----------------------------------------------------------------


class SphericalDistance(Renderer):
    """The usual loss: half the squared angle, which near 0 is 1 minus the cosine."""

    def _similarities(
        self, features: torch.Tensor, targets: Sequence[Target]
    ) -> list[torch.Tensor]:
        by_row = features.view(len(targets), -1, features.shape[-1])
        cosines = [
            cutouts @ target.embeddings.t() for cutouts, target in zip(by_row, targets, strict=True)
        ]
        # Not up to 1, where the angle has no gradient.
        angles = [cosine.clamp(-0.9999, 0.9999).arccos() for cosine in cosines]
        return [(1 - angle.square() / 2).mean(0) for angle in angles]


class Commitment(Renderer):
    """Adds the mean squared distance of the latents to their nearest codes to the loss."""

    def _init_loss(self, jobs: Sequence[JobState]) -> torch.Tensor | float:
        return super()._init_loss(jobs) + sum(map(self._commitment, jobs))

    def _commitment(self, job: JobState) -> torch.Tensor:
        vqgan = self.model.vqgan
        codes = vqgan.look_up(vqgan.nearest_codes(job.latents.detach()))
        return (job.latents - codes).square().mean((1, 2, 3)).sum()


# -- the variants ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Variant:
    """`changes` are keys of `SynthesisConfig`; `prior=False` removes the model's prior."""

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    prior: bool = True
    renderer: type[Renderer] = Renderer


VARIANTS = (
    Variant("as it is"),
    Variant("without the prior", prior=False),
    Variant("prior for candidates only, no guidance", {"loss.prior_weight": 0.0}),
    Variant("one candidate, not ranked", {"init.prior_samples": 1}),
    Variant("the best of 8", {"init.prior_samples": 8}),
    Variant("the best of 32", {"init.prior_samples": 32}),
    Variant("half the steps at half the size", {"schedule.min_side": 32}),
    Variant("continuous latents", {"quantize": False}),
    Variant("spherical distance", renderer=SphericalDistance),
    Variant("learning rate 0.05", {"schedule.learning_rate": 0.05}),
    Variant("learning rate 0.2", {"schedule.learning_rate": 0.2}),
    Variant("a constant learning rate", {"schedule.min_lr_ratio": 1.0}),
    Variant("4 cutouts", {"cutouts.count": 4}),
    Variant("16 cutouts", {"cutouts.count": 16}),
    Variant("cutouts from 0.8 of the side", {"cutouts.min_scale": 0.8, "cutouts.max_scale": 1.1}),
    Variant(
        "no noise, no colour jitter",
        {
            "cutouts.noise": 0.0,
            "cutouts.color_jitter": 0.0,
            "cutouts.brightness_jitter": 0.0,
        },
    ),
    Variant("no total variation", {"loss.tv_weight": 0.0}),
    Variant("commitment to the codebook", renderer=Commitment),
    Variant("excludes without a floor", {"loss.exclude_text_floor": -1.0}),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.ablation", description=__doc__)
    parser.add_argument(
        "--prompts", type=int, default=60, help="about how many prompts, evenly from each kind"
    )
    parser.add_argument("--seeds", type=int, default=1, help="images per prompt")
    parser.add_argument("--variants", type=int, help="run only this many variants, the first ones")
    parser.add_argument("--out", type=Path, default=Path("out/ablation.md"))
    options = parser.parse_args()
    model = load_model(MODEL, Path("data"), torch.device("cpu"))
    prompts = held_out(options.prompts)
    head: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = []
    baseline = 0.0
    for variant in VARIANTS[: options.variants]:
        rates, seconds = run_variant(variant, model, CONFIGS[MODEL], prompts, options.seeds)
        baseline, head = baseline or seconds, head or heading(rates)
        rows.append(row(variant.name, rates, seconds / baseline))
        print(" · ".join(rows[-1]), file=sys.stderr, flush=True)
    report = table(head, rows)
    print(report)
    images = len(prompts) * options.seeds
    about = f"{images} images per row, {STEPS} steps, {baseline:.1f} CPU seconds each"
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(f"{report}\n\n{about} as it is ({describe_machine()}).\n")


def run_variant(
    variant: Variant,
    model: Model,
    config: SynthesisConfig,
    prompts: Sequence[BenchmarkPrompt],
    seeds: int,
) -> tuple[list[Rate], float]:
    """The judges' rates, and CPU seconds per image."""
    model = model if variant.prior else replace(model, prior=None)
    renderer = variant.renderer(model, torch.device("cpu"), override(config, variant.changes))
    start = time.process_time()
    images = render(renderer, prompts, seeds, STEPS)
    seconds = (time.process_time() - start) / len(images)
    rates = rate_images(model, [*prompts] * seeds, images)
    return [rate for rate in rates if rate.stage == RENDERED], seconds


def heading(rates: Sequence[Rate]) -> tuple[str, ...]:
    """The table's heading, with the number of judged images for each measure."""
    counts = {rate.measure: rate.images for rate in rates}
    names = [f"{name} (n {counts[measure]})" for measure, name in MEASURES.items()]
    return ("", *names, "time")


def row(name: str, rates: Sequence[Rate], time_: float) -> tuple[str, ...]:
    """A variant's percentages by the overlap judge and the CNN, or by the CNN alone."""
    percents = {(rate.measure, rate.judge): f"{rate.percent:.0f}" for rate in rates}
    cells = []
    for measure in MEASURES:
        cells.append(
            " / ".join(percents[key] for j in (OVERLAP, CNN) if (key := (measure, j)) in percents)
        )
    return (name, *cells, f"{time_:.2f}")


if __name__ == "__main__":
    main()
