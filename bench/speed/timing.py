"""Times steps, whole and in stages."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

STAGES = ("decode", "cutouts", "embed", "backward")
"""The parts of a step, which both loops mark with `record_function`; the rest is `rest`."""

Timing = dict[str, float]
"""Seconds of one step, by stage, and in `whole`."""


def alternate(sides: Mapping[str, Callable[[], Timing]], turns: int) -> dict[str, list[Timing]]:
    """Runs each side once as a warm-up, then all of them in turn, this many times."""
    for side in sides.values():
        side()
    measured: dict[str, list[Timing]] = {name: [] for name in sides}
    for _ in range(turns):
        for name, side in sides.items():
            measured[name].append(side())
    return measured


def time_step(step: Callable[[], object]) -> Timing:
    """Runs a call; returns the seconds in each stage, in the rest, and in total."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        start = time.perf_counter()
        step()
        whole = time.perf_counter() - start
    spent = dict.fromkeys(STAGES, 0.0)
    for event in events(profiled):
        if event.name() in spent:
            spent[event.name()] += event.duration_ns() / 1e9
    return {**spent, "rest": whole - sum(spent.values()), "whole": whole}


def meter_step(step: Callable[[], object], meter: Callable[[], float]) -> dict[str, float]:
    """Runs a call; returns how much a meter advances in each stage, in the rest, and in total."""
    start = meter()
    with _StageMeter(meter) as stages:
        step()
    whole = meter() - start
    return {**stages.spent, "rest": whole - sum(stages.spent.values()), "whole": whole}


class _StageMeter(TorchDispatchMode):
    """Reads a meter where `record_function` enters and leaves a stage."""

    def __init__(self, meter: Callable[[], float]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.spent = dict.fromkeys(STAGES, 0.0)
        self._meter = meter
        self._entered: list[tuple[str, float]] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if function is torch.ops.profiler._record_function_enter_new.default:
            self._entered.append((args[0], self._meter()))
        elif function is torch.ops.profiler._record_function_exit._RecordFunction:
            name, start = self._entered.pop()
            if name in self.spent:
                self.spent[name] += self._meter() - start
        return function(*args, **(kwargs or {}))


def events(profiled: profile) -> Sequence[Any]:
    """All recorded events; the public API omits most of them."""
    assert profiled.profiler
    assert profiled.profiler.kineto_results
    return profiled.profiler.kineto_results.events()


def totals(timings: Sequence[Timing]) -> list[float]:
    """The seconds of whole steps."""
    return [timing["whole"] for timing in timings]


def show_progress(cells: Sequence[object]) -> None:
    """Prints a line of the report as soon as it is measured."""
    print(" · ".join(str(cell) for cell in cells if cell != ""), file=sys.stderr, flush=True)
