"""A renderer in a process of Ray's, on this machine or another.

`RendererActor` is what Ray starts there: it holds what the worker would hold in its own process,
an `InThread`, and lets it paint on by itself. What is worth a look comes back as a stream, a few
steps ahead of the reader at most. `RemotePainter` stands for it here. Recipes, pictures and saved
states are all that travels: tokens and database stay with the engine.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from core.recipe import Recipe
from core.settings import PerceptorChoice
from engine.album import is_kept
from engine.device import choose_device, free_memory, use_cores
from engine.media import Provenance
from engine.models.pair import read_pair
from engine.models.shipping import Content, Manifest
from engine.painter import InThread, RendererLost, rows_at_a_time
from engine.synthesis.memory import Memory
from engine.synthesis.method import METHODS
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note

AHEAD = 2  #: steps that nobody has taken yet, before the actor waits
SHOWN_SECONDS = 1.0  #: a job is looked at this often, also where no frame is due
FIRST_STEP_SECONDS = 600.0  #: until an actor's first answer: networks may be compiled
STEP_SECONDS = 60.0  #: until any later one, if its steps are short
PATIENCE = 20.0  #: how many times as long as its slowest step an actor may take for one

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Capacity:
    """What an actor has to offer, once it has read its networks. `free` in bytes."""

    made_by: Provenance
    rows: int
    free: int
    memory: Memory
    device: str


class RendererActor:
    """Made a Ray actor by `engine.cluster`; every method runs in its one event loop."""

    def __init__(self) -> None:
        self._painter: InThread | None = None
        self._jobs: set[int] = set()
        self._called = asyncio.Event()
        self._shown: dict[int, float] = {}

    async def where(self) -> tuple[str, int]:
        """Its node, and the number of its process there."""
        return ray.get_runtime_context().get_node_id(), os.getpid()

    async def stay(self) -> None:
        """Never answers: the call fails when the actor ends, whatever ended it."""
        await asyncio.Event().wait()

    async def lacking(self, manifest: Manifest, data_dir: Path) -> list[str]:
        return await asyncio.to_thread(manifest.lacking, data_dir)

    async def load(
        self,
        manifest: Manifest,
        data_dir: Path,
        device: str,
        perceptors: Sequence[PerceptorChoice],
        names: Sequence[str],
        *contents: Content,
    ) -> Capacity:
        """Reads the networks, with what it was sent of them, and begins anew, without jobs.

        Raises WeightsError, DeviceError.
        """

        def loaded() -> tuple[InThread, Capacity]:
            for name, content in zip(names, contents, strict=True):
                manifest.receive(name, content)
            use_cores()
            chosen = choose_device(device)
            folder = manifest.folder(data_dir)
            judges = {name: judge.here() for name, judge in manifest.judges.items()}
            pair = read_pair(manifest.entry, folder, chosen, perceptors, judges)
            renderer = Renderer(pair, chosen)
            rows = rows_at_a_time(chosen.type, pair.side)
            made_by = Provenance(pair.name, pair.checksums)
            free, memory = free_memory(chosen), renderer.memory
            painter = InThread(renderer, made_by, rows)
            return painter, Capacity(made_by, rows, free, memory, str(chosen))

        self._painter, capacity = await asyncio.to_thread(loaded)
        self._jobs.clear()
        return capacity

    async def add(self, request: RenderRequest) -> list[Note]:
        assert self._painter
        notes = await self._painter.add(request)
        self._jobs.add(request.job_id)
        self._called.set()
        return notes

    async def abort(self, job_id: int) -> None:
        assert self._painter
        self._painter.abort(job_id)
        self._jobs.discard(job_id)

    async def finish_early(self, job_id: int) -> None:
        assert self._painter
        self._painter.finish_early(job_id)

    async def enable_gradient_checkpointing(self) -> None:
        assert self._painter
        self._painter.enable_gradient_checkpointing()

    @ray.method(num_returns="streaming", _generator_backpressure_num_objects=AHEAD)
    async def paint(self) -> AsyncIterator[list[StepOutput]]:
        """Step after step, while there are jobs; ends with what a step raises."""
        painter = self._painter
        assert painter
        while painter is self._painter:
            if not self._jobs:
                self._called.clear()
                await self._called.wait()
            iterations = await painter.step()
            self._jobs -= {each.job_id for each in iterations if each.done or each.fault}
            yield await asyncio.to_thread(self._worth_a_look, iterations)

    def _worth_a_look(self, iterations: Sequence[StepOutput]) -> list[StepOutput]:
        """Frames that are kept, ends, and now and then what is between them."""
        now, sent = time.monotonic(), []
        for each in iterations:
            due = now - self._shown.get(each.job_id, 0.0) >= SHOWN_SECONDS
            if due or each.done or each.fault or is_kept(each.step, each.steps):
                sent.append(each.to_host())
                self._shown[each.job_id] = now
        return sent


class RemotePainter:
    """A `Painter` (see `engine.painter`) that paints in an actor."""

    def __init__(self, actor: Any, capacity: Capacity) -> None:
        self.made_by = capacity.made_by
        self.rows = capacity.rows
        self.gradient_checkpointing = False
        self.failed = False
        self.reason = ""
        """Why it is lost."""
        self.device = capacity.device
        self._actor = actor
        self._capacity = capacity
        self._method = METHODS[capacity.made_by.pair]
        self._recipes: dict[int, Recipe] = {}
        self._stream: AsyncIterator[Awaitable[list[StepOutput]]] | None = None
        self.patience = FIRST_STEP_SECONDS
        """Seconds within which it has to answer."""
        self._gone = asyncio.Event()
        self._watching = asyncio.create_task(self._watch())

    @property
    def lost(self) -> bool:
        return self._gone.is_set()

    @property
    def jobs(self) -> frozenset[int]:
        """Those that it paints."""
        return frozenset(self._recipes)

    def room(self, recipe: Recipe) -> float:
        needed = partial(self._capacity.memory.needed, method=self._method)
        taken = needed(self._recipes.values())
        return (self._capacity.free - taken) / (needed([*self._recipes.values(), recipe]) - taken)

    async def add(self, request: RenderRequest) -> list[Note]:
        self._recipes[request.job_id] = request.recipe
        try:
            notes: list[Note] = await self._answer(self._actor.add.remote(request))
        except BaseException:
            self._recipes.pop(request.job_id, None)
            raise
        return notes

    async def step(self) -> list[StepOutput]:
        began = time.monotonic()
        iterations = await self._answer(self._next())
        slowest = PATIENCE * (time.monotonic() - began)
        known = 0.0 if self.patience == FIRST_STEP_SECONDS else self.patience
        self.patience = max(STEP_SECONDS, known, slowest)
        for iteration in iterations:
            if iteration.done or iteration.fault:
                self._recipes.pop(iteration.job_id, None)
        return iterations

    def abort(self, job_id: int) -> None:
        self._recipes.pop(job_id, None)
        self._actor.abort.remote(job_id)

    def finish_early(self, job_id: int) -> None:
        self._actor.finish_early.remote(job_id)

    def enable_gradient_checkpointing(self) -> None:
        self.gradient_checkpointing = True
        self._actor.enable_gradient_checkpointing.remote()

    def give_up(self, reason: str, *, failed: bool) -> None:
        """From now on it is lost."""
        if not self.lost:
            self.reason, self.failed = reason, failed
            self._gone.set()
            self._watching.cancel()

    async def until_lost(self) -> str:
        """Returns why, once it is."""
        await self._gone.wait()
        return self.reason

    async def _watch(self) -> None:
        """Notices the end of an actor also while nothing is asked of it."""
        try:
            await self._actor.stay.remote()
        except RayError as error:
            self.give_up(_first_line(error), failed=True)

    async def _next(self) -> list[StepOutput]:
        if self._stream is None:
            self._stream = self._actor.paint.remote()
        return await (await anext(self._stream))

    async def _answer(self, asked: Awaitable[Result]) -> Result:
        """What the actor answers or raises. Raises RendererLost where it does neither in time."""
        try:
            async with asyncio.timeout(self.patience):
                answer = asyncio.ensure_future(asked)
                gone = asyncio.create_task(self._gone.wait())
                try:
                    await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if answer.done():
                        return answer.result()
                finally:
                    gone.cancel()
                    answer.cancel()
        except TimeoutError:
            self.give_up(f"It has not answered for {self.patience:.0f} seconds.", failed=True)
        except RayTaskError as error:
            self._stream = None  # it has ended with what was raised
            raise error.cause from None
        except (RayError, StopAsyncIteration) as error:
            self.give_up(_first_line(error), failed=True)
        raise RendererLost(self.reason)


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
