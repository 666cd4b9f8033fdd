"""How many cutouts a full-size image needs: its score after the same steps, and their cost.

The published weights were not available, so the score is that of the included model without its
prior, which leaves the method of the full-size models. The time is that of the full-size networks.
"""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bench.markdown import table
from bench.speed.baseline import text_similarity
from bench.speed.loops import CPU, OURS, load, prompts, stepper
from bench.speed.spread import Spread, ratio
from bench.speed.timing import alternate, show_progress, time_step, totals
from core.recipe import Recipe
from engine.synthesis.config import CONFIGS, override
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

COUNTS = (32, 16, 8)
STEPS = 100
SIDE = 128
"""Pixels; as many latents as the full-size models have at 256."""
CHECKS = 3
"""Measurements per score: the last ones of those every ten steps."""
NEVER = 10.0
"""A `schedule.patience` that disables early stopping."""


def measure(quick: bool) -> tuple[str, Any]:
    """Scores and seconds with each number of cutouts."""
    scores: dict[int, list[float]] = {count: [] for count in COUNTS}
    for seed, text in enumerate(prompts(2 if quick else 12, "picturebook")):
        for count in COUNTS:
            scores[count].append(_score(text, seed, count))
        show_progress((text, *(f"{scores[count][-1]:.3f}" for count in COUNTS)))
    sides = {str(n): partial(time_step, stepper(OURS, "imagenet", 256, n)) for n in COUNTS}
    steps = alternate(sides, 1 if quick else 5)
    seconds = {count: totals(steps[str(count)]) for count in COUNTS}
    rows = [
        (count, Spread.of(scores[count]), Spread.of(seconds[count]), _ratio(seconds, count))
        for count in COUNTS
    ]
    columns = ("cutouts", f"score after {STEPS} steps", "s per step, 256 × 256", "32 / these")
    gains = [_score_gain(scores, count) for count in COUNTS[1:]]
    text = f"{table(columns, rows)}\n\nCompared with {COUNTS[0]} cutouts, {' and '.join(gains)}."
    return text, {"scores": scores, "seconds": seconds}


def _score(text: str, seed: int, count: int) -> float:
    """The mean similarity of the image to its text over the last checks."""
    model = replace(load(OURS, "picturebook"), prior=None, side=SIDE)
    config = override(CONFIGS["imagenet"], {"cutouts.count": count, "schedule.patience": NEVER})
    renderer = Renderer(model, CPU, config)
    recipe = Recipe.make(text, width=SIDE, height=SIDE, steps=STEPS, seed=seed)
    renderer.add(RenderRequest(0, recipe))
    found = []
    while renderer.job_ids:
        (output,) = renderer.step()
        if output.step > STEPS - 10 * CHECKS and output.step % 10 == 0:
            found += [text_similarity(model.perceptor, image, text) for image in output.images()]
    return statistics.mean(found)


def _ratio(seconds: dict[int, list[float]], count: int) -> Spread:
    return ratio(seconds[COUNTS[0]], seconds[count])


def _score_gain(scores: dict[int, list[float]], count: int) -> str:
    """The mean difference of the scores of the same prompts, with its standard error."""
    pairs = zip(scores[count], scores[COUNTS[0]], strict=True)
    differences: Sequence[float] = [one - other for one, other in pairs]
    error = statistics.stdev(differences) / len(differences) ** 0.5
    return f"{count} score {statistics.mean(differences):+.3f} ± {error:.3f}"
