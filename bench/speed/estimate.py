"""How accurate the estimate of the time left is after a quarter of a job's steps."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.markdown import table
from bench.speed.loops import CPU, OURS, load, prompts, recipe_of
from bench.speed.timing import show_progress
from bot.policy import menu
from engine.step_timer import StepTimer
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

STEPS = {name: menu(name).steps for name in ("picturebook", "sketch")}
"""The default steps of the bot."""
TOLERANCE = 0.25
"""The acceptable error of an estimate, as a share of the actual time left."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds left in a job after a quarter of its steps, estimated by the engine and measured."""

    steps: int
    estimated: float
    left: float

    @property
    def ratio(self) -> float:
        return self.estimated / self.left


def measure(quick: bool) -> tuple[str, Any]:
    """Measures the estimates of jobs of each embedded model, with its default steps."""
    rows: list[Sequence[object]] = [
        ("", "images", "steps taken", "estimate / truth", f"within {100 * TOLERANCE:.0f} %")
    ]
    numbers = {}
    for name in STEPS:
        renderer, timer = Renderer(load(OURS, name), CPU), StepTimer()
        texts = prompts(5 if quick else 17, name)
        jobs = [_job(renderer, timer, name, text, seed) for seed, text in enumerate(texts)]
        found = jobs[1:]  # the first one warms up
        ratios = sorted(estimate.ratio for estimate in found)
        right = sum(abs(ratio - 1) <= TOLERANCE for ratio in ratios) / len(ratios)
        steps = [estimate.steps for estimate in found]
        numbers[name] = [(estimate.steps, estimate.estimated, estimate.left) for estimate in found]
        rows.append(
            (
                f"{name}, {STEPS[name]} steps",
                len(found),
                f"{min(steps)} to {max(steps)}",
                f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
                f"{100 * right:.0f} %",
            )
        )
        show_progress(rows[-1])
    text = (
        "Jobs of one image, one after the other as in a running engine; each after a quarter of "
        "the steps that it took."
    )
    return f"{text}\n\n{table(rows[0], rows[1:])}", numbers


def _job(renderer: Renderer, timer: StepTimer, name: str, text: str, seed: int) -> Estimate:
    renderer.add(RenderRequest(0, recipe_of(name, text, seed, steps=STEPS[name])))
    times, estimates = [time.perf_counter()], []
    while renderer.job_ids:
        (output,) = renderer.step()
        times.append(time.perf_counter())
        timer.measure(times[-1] - times[-2], output.cost)
        estimates.append(timer.seconds(output.cost_left) or 0.0)
    quarter = max(1, len(estimates) // 4)
    return Estimate(len(estimates), estimates[quarter - 1], times[-1] - times[quarter])
