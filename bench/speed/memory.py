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

LARGE = 12 * 2**30
"""Bytes of memory that a machine needs for 512 × 512 in the usual loop."""


def measure(quick: bool) -> tuple[str, Any]:
    """The peak memory of each side beyond its weights, each in a process of its own."""
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
    return f"{about}\n\n{table(rows[0], rows[1:])}\n\n{_foreseen(quick)}", numbers


def _foreseen(quick: bool) -> str:
    """The engine's estimate of a step's memory, compared with what it takes."""
    settings = [("sketch", 64, 8, 1), ("sketch", 64, 8, 4), ("sketch", 128, 8, 1)]
    settings += [("sketch", 192, 8, 1), ("imagenet", 256, 8, 1)]
    if not quick:
        settings += [("imagenet", 256, 32, 1), ("imagenet", 256, 8, 3), ("imagenet", 384, 8, 1)]
    rows: list[Sequence[object]] = [
        ("", "estimate", "tensors", "process", "estimate / tensors", "estimate / process")
    ]
    for name, pixels, cutouts, count in settings:
        idle, peak, tensors, foreseen = _apart(_remember_foreseen, name, pixels, cutouts, count)
        about = f"{name}, {pixels} × {pixels}, {cutouts} cutouts, {count} at once"
        taken = 1024 * (peak - idle)
        mib = [f"{each / 2**20:.0f}" for each in (foreseen, tensors, taken)]
        rows.append((about, *mib, f"{foreseen / tensors:.2f}", f"{foreseen / taken:.2f}"))
        show_progress(rows[-1])
    about = (
        "MiB: the engine's estimate, the peak of all tensors during a step, and the peak of the "
        "process above one that has rendered 16 × 16."
    )
    return f"{about}\n\n{table(rows[0], rows[1:])}"


def _memory_of(side: str, name: str, pixels: int, cutouts: int) -> Sequence[int]:
    """Bytes of tensors, and of the process beyond the loaded weights."""
    return _apart(_remember, side, name, pixels, cutouts)


def _apart(measure: Callable[..., None], *setting: Any) -> Sequence[int]:
    """Runs a measurement in a separate process; returns its result."""
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


def _remember(sender: Connection, side: str, name: str, pixels: int, cutouts: int) -> None:
    use_cores()
    load(side, name)
    gc.collect()
    idle = _status("VmRSS")
    advance = stepper(side, name, pixels, cutouts)
    advance(), advance()
    taken = 1024 * (_status("VmHWM") - idle)
    sender.send((_tensors_in(advance), taken))


def _remember_foreseen(
    sender: Connection, name: str, pixels: int, cutouts: int, count: int
) -> None:
    """Takes two steps, after two of the smallest size that load everything."""
    use_cores()
    model = load(OURS, name)
    config = steps_only(name, cutouts)
    renderer = Renderer(model, CPU, config)
    recipes = [recipe_of(name, TEXT, seed=row, pixels=pixels) for row in range(count)]
    foreseen = renderer.memory.needed(recipes, config)
    renderer.add(RenderRequest(0, recipe_of(name, TEXT, seed=0, pixels=MIN_SIDE)))
    renderer.step(), renderer.step()
    renderer.abort(0)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    idle = _status("VmRSS")
    for row, recipe in enumerate(recipes):
        renderer.add(RenderRequest(row, recipe))
    renderer.step(), renderer.step()
    peak = _status("VmHWM")
    sender.send((idle, peak, _tensors_in(renderer.step), foreseen))


def _tensors_in(step: Callable[[], object]) -> int:
    """The peak bytes of tensors in a step, beyond those that existed before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    changes = [event for event in events(profiled) if event.name() == "[memory]"]
    changes.sort(key=lambda event: event.start_ns())
    most: int = max(itertools.accumulate(event.nbytes() for event in changes))
    return most


def enough_memory() -> bool:
    """Whether there is enough memory for 512 × 512 in the usual loop."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") > LARGE


def _status(field: str) -> int:
    """A field of Linux's status, in KiB. `ru_maxrss` is no use: a child inherits its parent's."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])
