"""`python -m bench.speed`: time and memory of rendering, compared with the usual loop.

Both alternate in one run on one machine, so that other load affects both; only the ratios
of medians are meaningful. The usual loop is `bench.speed.baseline`. The full-size networks have
random weights, which take the same time as the published ones.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.speed import (
    cutouts,
    estimate,
    first_frame,
    frames,
    image,
    memory,
    scaling,
    step,
    throughput,
)
from bench.speed.timing import show_progress
from engine.device import describe_machine, use_cores

SECTIONS: dict[str, tuple[str, Callable[[bool], tuple[str, Any]]]] = {
    "memory": ("Memory", memory.measure),
    "step": ("One step", step.measure),
    "image": ("A whole image to the same score", image.measure),
    "throughput": ("Many jobs", throughput.measure),
    "frames": ("Frames", frames.measure),
    "first_frame": ("First frame", first_frame.measure),
    "estimate": ("Time left", estimate.measure),
    "cutouts": ("How many cutouts", cutouts.measure),
    "growth": ("How a step scales", scaling.measure),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="fewer measurements, each once")
    parser.add_argument("--out", type=Path, default=Path("out/speed"))
    options = parser.parse_args()
    use_cores()
    options.out.mkdir(parents=True, exist_ok=True)
    busy = os.getloadavg()[0]
    report = [f"{describe_machine()}; load {busy:.1f} before the run. Quartiles in brackets."]
    numbers = {}
    for name in options.only:
        title, measure = SECTIONS[name]
        show_progress((title,))
        text, numbers[name] = measure(options.quick)
        report.append(f"## {title}\n\n{text}")
        # Written after each section, so that an interrupted run keeps its results.
        (options.out / "speed.md").write_text("\n\n".join(report) + "\n")
        (options.out / "speed.json").write_text(json.dumps(numbers, indent=1))
    if "growth" in numbers:
        scaling.plot_growth(numbers["growth"], options.out / "growth.png")
    print("\n\n".join(report))
