"""One step of both loops, whole and in stages."""

import gc
import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from bench.markdown import table
from bench.speed.loops import OURS, PLAIN, STEPS, TEXT, load, recipe_of, stepper
from bench.speed.memory import enough_memory
from bench.speed.spread import Spread, ratio
from bench.speed.timing import STAGES, alternate, show_progress, time_step, totals
from engine.synthesis.config import CONFIGS
from engine.synthesis.job_state import coarse_to_fine


def measure(quick: bool) -> tuple[str, Any]:
    """Measures one step of both loops, whole and in stages."""
    plan = _coarse_to_fine()
    settings = [("sketch", 64, 8, 20), ("sketch", 64, 32, 10), ("imagenet", 256, 8, 3)]
    settings += [("imagenet", pixels, 32, 3) for pixels in plan.values()]
    if not quick and enough_memory():
        settings.append(("imagenet", 512, 32, 2))
    rows: list[Sequence[object]] = [("", "plain, s", "ours, s", "plain / ours")]
    split: list[Sequence[object]] = [("", *STAGES, "rest")]
    numbers: dict[str, Any] = {}
    medians: dict[tuple[str, int, int, str], float] = {}
    for name, pixels, cutouts, turns in settings:
        sides = {
            side: partial(time_step, stepper(side, name, pixels, cutouts)) for side in (PLAIN, OURS)
        }
        measured = alternate(sides, 1 if quick else turns)
        about = f"{name}, {pixels} × {pixels}, {cutouts} cutouts"
        numbers[about] = measured
        seconds = {side: totals(measured[side]) for side in measured}
        rows.append((about, *map(Spread.of, seconds.values()), ratio(*seconds.values())))
        for side, timings in measured.items():
            medians[name, pixels, cutouts, side] = statistics.median(seconds[side])
            parts = [statistics.median(t[part] for t in timings) for part in (*STAGES, "rest")]
            split.append((f"{about}: {side}", *(f"{part:.3f}" for part in parts)))
        show_progress(rows[-1])
        gc.collect()
    text = f"{table(rows[0], rows[1:])}\n\nMedian seconds of each part:\n\n"
    text += f"{table(split[0], split[1:])}\n\n{_full_size_image(plan, medians)}"
    return text, numbers


def _coarse_to_fine() -> dict[int, int]:
    """The schedule of our full-size image: pixels on a side, by first step."""
    factor = load(OURS, "imagenet").vqgan.factor
    recipe = recipe_of("imagenet", TEXT, seed=0)
    plan = coarse_to_fine(recipe, factor, CONFIGS["imagenet"].schedule)
    return {begin: height * factor for begin, (height, _) in plan.items()}


def _full_size_image(
    plan: Mapping[int, int], medians: Mapping[tuple[str, int, int, str], float]
) -> str:
    """The total time of a full-size image."""
    steps, (*_, full) = STEPS["imagenet"], plan.values()
    ends = [*list(plan)[1:], steps]
    ours = sum(
        (end - begin) * medians["imagenet", pixels, 32, OURS]
        for (begin, pixels), end in zip(plan.items(), ends, strict=True)
    )
    plain = steps * medians["imagenet", full, 32, PLAIN]
    return (
        f"All {steps} steps of an image of {full} × {full} with 32 cutouts take {plain / 60:.1f} "
        f"minutes (plain) and, from coarse to fine, {ours / 60:.1f} minutes (ours), "
        f"{plain / ours:.2f} times as fast."
    )
