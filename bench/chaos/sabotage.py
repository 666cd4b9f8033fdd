"""`python -m bench.chaos.sabotage bot|engine`: the real process, with places where it can fail.

Before the process begins, some of its functions are wrapped. A wrapped function does as always,
unless a file of its place's name lies in the folder that SABOTAGE names: whoever takes that file
away causes the fault, once. So a benchmark orders a fault by writing a file, at any moment, and a
process that is started again does not meet it a second time. The file `clock` holds the seconds
by which the wall clock is wrong.

Two lengths of time are shortened, so that what a dead engine leaves is taken up sooner: the lease
of a job, and the pause between its renewals. Nothing else differs from `python -m bot` and
`python -m engine`.
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

LEASE_SECONDS, HEARTBEAT_SECONDS = 4.0, 1.0  #: in place of 20 and 5
FOLDER = "SABOTAGE"  #: the variable that names the folder
CLOCK = "clock"
FAKE_RENDERER = "FAKE_RENDERER"
"""The variable with which the engine renders plain greys, fast; all else is as always."""
STEP_SECONDS = 0.03  #: that a step of the fake renderer takes


@dataclass(frozen=True, slots=True)
class Place:
    """A function of a process, and the fault that can happen there."""

    function: str
    """Module and name, with a colon between."""
    fault: Callable[[Any], Any]
    """What is made of the function's result, or, with `before`, of nothing."""
    before: bool = False


def _die(result: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)
    return result


def _no_number(result: Any) -> Any:
    return result * float("nan")


def _out_of_memory(result: Any) -> Any:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


PLACES: dict[str, dict[str, Place]] = {
    "bot": {
        "before the answer": Place("discord:InteractionResponse.defer", _die, before=True),
        "before the insert": Place("core.database.jobs:Jobs.insert", _die, before=True),
        "after the insert": Place("core.database.jobs:Jobs.insert", _die),
        "before the job message": Place(
            "bot.services.submission:show_job_message", _die, before=True
        ),
        "after the job message": Place("bot.services.submission:show_job_message", _die),
    },
    "engine": {
        "after the claim": Place("core.database.claims:Claims.claim", _die),
        "in a step": Place("engine.synthesis.renderer:Renderer._embed", _die),
        "before a frame is in its place": Place(
            "engine.job_files:JobFiles.write_frame", _die, before=True
        ),
        "after a state is saved": Place("engine.job_files:JobFiles.write_checkpoint", _die),
        "in the middle of a file": Place("engine.job_files:png", _die),
        "before the images are saved": Place(
            "engine.job_files:JobFiles.write_results", _die, before=True
        ),
        "after the images are saved": Place("engine.job_files:JobFiles.write_results", _die),
        "before the end is recorded": Place(
            "core.database.claims:Claims.finish", _die, before=True
        ),
        "after the end is recorded": Place("core.database.claims:Claims.finish", _die),
        "before a post": Place("engine.delivery.posts:Post.edit", _die, before=True),
        "after a post": Place("engine.delivery.posts:Post.edit", _die),
        "after a new message": Place("engine.delivery.posts:Post.send", _die),
        "before it is known as posted": Place(
            "core.database.jobs:Jobs.mark_posted", _die, before=True
        ),
        "a loss that is no number": Place("engine.synthesis.objective:total_variation", _no_number),
        "no memory": Place("engine.synthesis.renderer:Renderer._embed", _out_of_memory, True),
    },
}


def main() -> None:
    name = sys.argv[1]
    sabotage(name, Path(os.environ[FOLDER]))
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


def sabotage(name: str, folder: Path) -> None:
    """From here on this process, which is to be the bot or the engine, heeds the orders there."""
    _wrong_clock(folder / CLOCK)
    for place, known in PLACES[name].items():
        _wrap(known, folder / place)


def _wrong_clock(offset: Path) -> None:
    """The wall clock as it would be after it was set wrong; the monotonic one goes on as it was."""
    right = time.time

    def wrong() -> float:
        try:
            return right() + float(offset.read_text() or 0)
        except FileNotFoundError:
            return right()

    time.time = wrong


def _wrap(place: Place, order: Path) -> None:
    module, _, path = place.function.partition(":")
    *owners, name = path.split(".")
    owner: Any = functools.reduce(getattr, owners, importlib.import_module(module))
    setattr(owner, name, _sabotaged(getattr(owner, name), place, order))


def _sabotaged(function: Callable[..., Any], place: Place, order: Path) -> Callable[..., Any]:
    def taken() -> bool:
        try:
            order.unlink()
        except FileNotFoundError:
            return False
        return True

    @functools.wraps(function)
    def plain(*arguments: Any, **options: Any) -> Any:
        if place.before and taken():
            place.fault(None)
        result = function(*arguments, **options)
        return place.fault(result) if not place.before and taken() else result

    @functools.wraps(function)
    async def awaited(*arguments: Any, **options: Any) -> Any:
        if place.before and taken():
            place.fault(None)
        result = await function(*arguments, **options)
        return place.fault(result) if not place.before and taken() else result

    return awaited if inspect.iscoroutinefunction(function) else plain


if __name__ == "__main__":
    main()
