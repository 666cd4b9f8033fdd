"""The peak memory of each loop, and the engine's estimate of it."""

import ctypes
import gc
import itertools
import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from torch.profiler import ProfilerActivity, profile

from bench.markdown import table
from bench.speed.loops import CPU, OURS, PLAIN, TEXT, load, recipe_of, stepper, steps_only
from bench.speed.timing import events, show_progress
from core.sizes import MIN_SIDE
from engine.device import use_cores
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

LARGE_MEMORY = 12 * 2**30
"""Bytes of memory that the plain loop needs for 512 × 512."""


def measure(quick: bool) -> tuple[str, Any]:
    """Measures each side's peak memory beyond its weights, each in its own process."""
    settings = [("sketch", 64, 8), ("imagenet", 256, 8)]
    settings += [] if quick else [("imagenet", 256, 32)]
    if not quick and enough_memory():
        settings.append(("imagenet", 512, 32))
    heading = ("", "tensors: plain", "ours", "ratio", "process: plain", "ours", "ratio")
    rows: list[Sequence[object]] = [heading]
    numbers = {}
    for setting in settings:
        name, pixels, cutouts = setting
        plain, ours = (_memory_of(side, *setting) for side in (PLAIN, OURS))
        about = f"{name}, {pixels} × {pixels}, {cutouts} cutouts"
        numbers[about] = {PLAIN: plain, OURS: ours}
        cells: list[str] = []
        for one, other in zip(plain, ours, strict=True):
            cells += [f"{one / 2**20:.0f}", f"{other / 2**20:.0f}", f"{one / other:.2f}"]
        rows.append((about, *cells))
        show_progress(rows[-1])
    about = (
        "MiB: the peak of all tensors during a step, and the peak of the process in two steps, "
        "above a process that has only loaded the weights."
    )
    return f"{about}\n\n{table(rows[0], rows[1:])}\n\n{_estimates(quick)}", numbers


def _estimates(quick: bool) -> str:
    """A table of the engine's estimates of a step's memory, and of what it takes."""
    settings = [("sketch", 64, 8, 1), ("sketch", 64, 8, 4), ("sketch", 128, 8, 1)]
    settings += [("sketch", 192, 8, 1), ("imagenet", 256, 8, 1)]
    if not quick:
        settings += [("imagenet", 256, 32, 1), ("imagenet", 256, 8, 3), ("imagenet", 384, 8, 1)]
    rows: list[Sequence[object]] = [
        ("", "estimate", "tensors", "process", "estimate / tensors", "estimate / process")
    ]
    for name, pixels, cutouts, count in settings:
        idle, peak, tensors, estimate = _in_own_process(
            _measure_estimate_in_process, name, pixels, cutouts, count
        )
        about = f"{name}, {pixels} × {pixels}, {cutouts} cutouts, {count} at once"
        taken = 1024 * (peak - idle)
        mib = [f"{each / 2**20:.0f}" for each in (estimate, tensors, taken)]
        rows.append((about, *mib, f"{estimate / tensors:.2f}", f"{estimate / taken:.2f}"))
        show_progress(rows[-1])
    about = (
        "MiB: the engine's estimate, the peak of all tensors during a step, and the peak of the "
        "process above one that has rendered 16 × 16."
    )
    return f"{about}\n\n{table(rows[0], rows[1:])}"


def _memory_of(side: str, name: str, pixels: int, cutouts: int) -> Sequence[int]:
    """Bytes of tensors, and of the process beyond the loaded weights."""
    return _in_own_process(_measure_in_process, side, name, pixels, cutouts)


def _in_own_process(measure: Callable[..., None], *setting: Any) -> Sequence[int]:
    """Runs a measurement in its own process; returns its result."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=measure, args=(sender, *setting))
    process.start()
    sender.close()
    try:
        found: Sequence[int] = receiver.recv()
    except EOFError:
        sys.exit(f"The process that measured the memory of {setting} died.")
    process.join()
    return found


def _measure_in_process(
    sender: Connection, side: str, name: str, pixels: int, cutouts: int
) -> None:
    use_cores()
    load(side, name)
    gc.collect()
    idle = _process_status("VmRSS")
    advance = stepper(side, name, pixels, cutouts)
    advance(), advance()
    taken = 1024 * (_process_status("VmHWM") - idle)
    sender.send((_tensors_in(advance), taken))


def _measure_estimate_in_process(
    sender: Connection, name: str, pixels: int, cutouts: int, count: int
) -> None:
    """Measures two steps, after two at the smallest size that load everything."""
    use_cores()
    model = load(OURS, name)
    config = steps_only(name, cutouts)
    renderer = Renderer(model, CPU, config)
    recipes = [recipe_of(name, TEXT, seed=row, pixels=pixels) for row in range(count)]
    estimate = renderer.memory.needed(recipes, config)
    renderer.add(RenderRequest(0, recipe_of(name, TEXT, seed=0, pixels=MIN_SIDE)))
    renderer.step(), renderer.step()
    renderer.abort(0)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    idle = _process_status("VmRSS")
    for row, recipe in enumerate(recipes):
        renderer.add(RenderRequest(row, recipe))
    renderer.step(), renderer.step()
    peak = _process_status("VmHWM")
    sender.send((idle, peak, _tensors_in(renderer.step), estimate))


def _tensors_in(step: Callable[[], object]) -> int:
    """The peak bytes of the tensors that a step allocates."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    changes = [event for event in events(profiled) if event.name() == "[memory]"]
    changes.sort(key=lambda event: event.start_ns())
    most: int = max(itertools.accumulate(event.nbytes() for event in changes))
    return most


def enough_memory() -> bool:
    """Whether the machine has enough memory for 512 × 512 in the plain loop."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") > LARGE_MEMORY


def _process_status(field: str) -> int:
    """A field of /proc/self/status, in KiB. `ru_maxrss` won't do: children inherit its value."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])
