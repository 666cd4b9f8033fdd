"""`python -m bench.speed.roofline`: how close each part of a step is to the processor's limit.

The limit is the rate at which the same processor multiplies large matrices, in the same number
format and with as many threads. The rest goes into memory access, small kernels and operations
other than multiplication.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.markdown import table
from bench.speed.loops import CPU, OURS, stepper
from bench.speed.timing import STAGES, meter_step, time_step
from engine.device import describe_machine, use_cores

SETTINGS = (("sketch", 64, 8), ("imagenet", 128, 32), ("imagenet", 256, 8), ("imagenet", 256, 32))
"""Model, pixels on each side, cutouts."""
SIDE = 4096
"""Side of the matrices that measure the limit: far more arithmetic than memory access."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.speed.roofline", description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("out/limits.md"))
    options = parser.parse_args()
    use_cores()
    has_bf16 = torch.cpu._is_avx512_bf16_supported()
    limit = multiplications(torch.bfloat16 if has_bf16 else torch.float32, options.turns)
    rows: list[tuple[object, ...]] = [("", "GFLOP", "s", "GFLOP/s", "share of the limit")]
    for name, pixels, cutouts in SETTINGS:
        step = stepper(OURS, name, pixels, cutouts)
        rows.append((f"**{name}, {pixels} × {pixels}, {cutouts} cutouts**", "", "", "", ""))
        rows += parts(step, options.turns, limit)
    text = (
        f"{table(rows[0], rows[1:])}\n\nThe limit is {limit / 1e9:.0f} GFLOP/s, which matrices of "
        f"{SIDE} × {SIDE} reach in {'bfloat16' if has_bf16 else 'float32'} ({describe_machine()}). "
        f"Medians of {options.turns} steps.\n"
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text)
    print(text)


def parts(step: Callable[[], object], turns: int, limit: float) -> list[tuple[object, ...]]:
    """A row for each part of a step, and for the whole."""
    with FlopCounterMode(display=False) as counter:
        work = meter_step(step, counter.get_total_flops)
    timings = [time_step(step) for _ in range(turns)]
    lines: list[tuple[object, ...]] = []
    for part in (*STAGES, "rest", "whole"):
        seconds = statistics.median(timing[part] for timing in timings)
        rate = work[part] / seconds
        lines.append(
            (
                part,
                f"{work[part] / 1e9:.2f}",
                f"{seconds:.4f}",
                f"{rate / 1e9:.0f}",
                f"{100 * rate / limit:.0f} %",
            )
        )
    return lines


def multiplications(dtype: torch.dtype, turns: int) -> float:
    """The best rate of multiplying two large matrices, in floating-point operations per second."""
    one, other = (torch.rand(SIDE, SIDE, device=CPU).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(turns + 1):
        start = time.perf_counter()
        one @ other
        seconds.append(time.perf_counter() - start)
    return 2 * SIDE**3 / min(seconds)


if __name__ == "__main__":
    main()
