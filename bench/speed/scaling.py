"""How the time of a step grows with images, cutouts and pixels."""

import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.markdown import table
from bench.speed.loops import OURS, stepper
from bench.speed.spread import Spread
from bench.speed.timing import alternate, show_progress, time_step, totals

LABELS = {"rows": "images"}  #: of parameters in the report


def measure(quick: bool) -> tuple[str, Any]:
    """Measures our full-size step by images, cutouts and size; varies one and keeps the others."""
    base = {"rows": 1, "cutouts": 8, "pixels": 256}
    axes: dict[str, Sequence[int]] = {
        "rows": (1, 2, 4, 8),
        "cutouts": (4, 8, 16, 32, 64),
        "pixels": (128, 192, 256, 320, 384),
    }
    if quick:
        axes = {name: values[:3] for name, values in axes.items()}
    rows: list[Sequence[object]] = [("", "s per step")]
    numbers: dict[str, dict[int, list[float]]] = {name: {} for name in axes}
    for name, values in axes.items():
        for value in values:
            advance = stepper(OURS, "imagenet", **(base | {name: value}))
            turns = alternate({OURS: partial(time_step, advance)}, 1 if quick else 2)
            numbers[name][value] = totals(turns[OURS])
            rows.append((f"{LABELS.get(name, name)}: {value}", Spread.of(numbers[name][value])))
            show_progress(rows[-1])
    about = "One step of ours with the full-size model; unless stated otherwise 1 image, 8 cutouts"
    return f"{about}, 256 × 256 pixels.\n\n{table(rows[0], rows[1:])}", numbers


def plot_growth(numbers: Mapping[str, Mapping[int, Sequence[float]]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3), layout="constrained")
    for axes, (name, by_value) in zip(figure.subplots(1, 3), numbers.items(), strict=True):
        medians = [statistics.median(seconds) for seconds in by_value.values()]
        axes.plot(list(by_value), medians, "o-")
        label = "pixels on each side" if name == "pixels" else LABELS.get(name, name)
        axes.set(xlabel=label, ylim=(0, 1.1 * max(medians)), xticks=list(by_value))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("seconds per step")
    figure.savefig(path, dpi=120)
