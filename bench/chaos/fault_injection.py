"""`python -m bench.chaos.fault_injection bot|engine`: the real process, with injected faults.

Before the process starts, some of its functions are wrapped. A wrapped function works as usual,
unless the folder in INJECTED_FAULTS contains a file with the name of its fault: then it removes the
file and fails. So a benchmark triggers a fault at any moment by writing a file, and the fault does
not recur in the restarted process. The file `clock` contains the offset of the wall clock in
seconds.

Leases are shorter and renewed more often, so that the jobs of a dead engine are taken over sooner.
Nothing else differs from `python -m bot` and `python -m engine`.
"""

import functools
import importlib
import inspect
import os
import runpy
import signal
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEASE_SECONDS, HEARTBEAT_SECONDS = 4.0, 1.0  #: instead of 20 and 5
FOLDER = "INJECTED_FAULTS"  #: the environment variable with the path of the folder
CLOCK = "clock"
FAKE_RENDERER = "FAKE_RENDERER"
"""The environment variable that replaces the renderer with a fast one of plain grey images."""
STEP_SECONDS = 0.03  #: seconds per step of the fake renderer


@dataclass(frozen=True, slots=True)
class FaultPoint:
    """A function of the process, and the fault that can be injected there."""

    function: str
    """`module:name`, where the name may be that of a method."""
    fault: Callable[[Any], Any]
    """Called with the function's result or, with `before`, with None before the function runs."""
    before: bool = False


def _die(result: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)
    return result


def _to_nan(result: Any) -> Any:
    return result * float("nan")


def _out_of_memory(result: Any) -> Any:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


FAULT_POINTS: dict[str, dict[str, FaultPoint]] = {
    "bot": {
        "before the answer": FaultPoint("discord:InteractionResponse.defer", _die, before=True),
        "before the insert": FaultPoint("core.database.jobs:Jobs.insert", _die, before=True),
        "after the insert": FaultPoint("core.database.jobs:Jobs.insert", _die),
        "before the job message": FaultPoint(
            "bot.services.submission:show_job_message", _die, before=True
        ),
        "after the job message": FaultPoint("bot.services.submission:show_job_message", _die),
    },
    "engine": {
        "after the claim": FaultPoint("core.database.claims:Claims.claim", _die),
        "in a step": FaultPoint("engine.synthesis.renderer:Renderer._embed", _die),
        "before a frame is written": FaultPoint(
            "engine.job_files:JobFiles.write_frame", _die, before=True
        ),
        "after a checkpoint is saved": FaultPoint(
            "engine.job_files:JobFiles.write_checkpoint", _die
        ),
        "in the middle of a file": FaultPoint("engine.job_files:png", _die),
        "before the images are saved": FaultPoint(
            "engine.job_files:JobFiles.write_results", _die, before=True
        ),
        "after the images are saved": FaultPoint("engine.job_files:JobFiles.write_results", _die),
        "before the end is recorded": FaultPoint(
            "core.database.claims:Claims.finish", _die, before=True
        ),
        "after the end is recorded": FaultPoint("core.database.claims:Claims.finish", _die),
        "before a post": FaultPoint("engine.delivery.posts:Post.edit", _die, before=True),
        "after a post": FaultPoint("engine.delivery.posts:Post.edit", _die),
        "after a new message": FaultPoint("engine.delivery.posts:Post.send", _die),
        "before it is marked as posted": FaultPoint(
            "core.database.jobs:Jobs.mark_posted", _die, before=True
        ),
        "a NaN loss": FaultPoint("engine.synthesis.objective:total_variation", _to_nan),
        "out of memory": FaultPoint(
            "engine.synthesis.renderer:Renderer._embed", _out_of_memory, True
        ),
    },
}


def main() -> None:
    name = sys.argv[1]
    inject_faults(name, Path(os.environ[FOLDER]))
    if name == "engine":
        leases: Any = importlib.import_module("engine.leases")
        leases.LEASE_SECONDS, leases.HEARTBEAT_SECONDS = LEASE_SECONDS, HEARTBEAT_SECONDS
        if FAKE_RENDERER in os.environ:
            _render_plain_greys()
    sys.argv = [name]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _render_plain_greys() -> None:
    import torch

    service: Any = importlib.import_module("engine.service")
    handle: Any = importlib.import_module("engine.renderer_handle")
    fake: Any = importlib.import_module("tests.engine.fake_renderer")
    media: Any = importlib.import_module("engine.media")

    def load_model(*arguments: Any) -> Any:
        return types.SimpleNamespace(name="sketch")

    class FakeHandle(handle.LocalRenderer):  # type: ignore[misc]
        @classmethod
        def of(cls, model: Any, device: torch.device) -> Any:
            renderer = fake.FakeRenderer(lambda number: time.sleep(STEP_SECONDS))
            return cls(renderer, media.Provenance("sketch", {}), 4)

    service.load_model, service.LocalRenderer = load_model, FakeHandle


def inject_faults(name: str, folder: Path) -> None:
    """Wraps the functions of this process, the bot or the engine, and its wall clock."""
    _shift_clock(folder / CLOCK)
    for fault, point in FAULT_POINTS[name].items():
        _wrap(point, folder / fault)


def _shift_clock(offset: Path) -> None:
    """Shifts the wall clock, but not the monotonic clock."""
    real_time = time.time

    def shifted_time() -> float:
        try:
            return real_time() + float(offset.read_text() or 0)
        except FileNotFoundError:
            return real_time()

    time.time = shifted_time


def _wrap(point: FaultPoint, fault_file: Path) -> None:
    module, _, path = point.function.partition(":")
    *owners, name = path.split(".")
    owner: Any = functools.reduce(getattr, owners, importlib.import_module(module))
    setattr(owner, name, _with_fault(getattr(owner, name), point, fault_file))


def _with_fault(
    function: Callable[..., Any], point: FaultPoint, fault_file: Path
) -> Callable[..., Any]:
    def triggered() -> bool:
        try:
            fault_file.unlink()
        except FileNotFoundError:
            return False
        return True

    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        if point.before and triggered():
            point.fault(None)
        result = function(*arguments, **options)
        return point.fault(result) if not point.before and triggered() else result

    @functools.wraps(function)
    async def async_wrapper(*arguments: Any, **options: Any) -> Any:
        if point.before and triggered():
            point.fault(None)
        result = await function(*arguments, **options)
        return point.fault(result) if not point.before and triggered() else result

    return async_wrapper if inspect.iscoroutinefunction(function) else wrapper


if __name__ == "__main__":
    main()
