"""A renderer in a Ray actor, on this machine or another.

Ray starts a `RendererActor`, which holds a `LocalRenderer` and keeps stepping it. It returns the
outputs that are due as a stream, at most a few steps ahead of the reader. `RayRenderer` is the
handle in this process. Only recipes, images, checkpoints and outputs are sent: tokens and the
database stay with the engine.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import ray
import structlog
from PIL import Image
from ray.exceptions import RayError, RayTaskError

from core.description import Description
from core.recipe import Recipe
from core.settings import PerceptorChoice
from engine.device import choose_device, free_memory, use_cores
from engine.media import Provenance
from engine.models.model import read_model
from engine.models.weights_transfer import Content, Manifest
from engine.renderer_handle import LocalRenderer, RendererLost, images_at_a_time
from engine.synthesis.checkpoint import Checkpoint
from engine.synthesis.config import CONFIGS
from engine.synthesis.memory import Memory
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note

log = structlog.stdlib.get_logger(__name__)

STEPS_AHEAD = 2  #: unread steps after which the actor waits
FIRST_STEP_SECONDS = 600.0  #: timeout of an actor's first step, which may compile networks
STEP_SECONDS = 60.0  #: minimum timeout of a later step
TIMEOUT_FACTOR = 20.0  #: a step may take this many times as long as the slowest one so far

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RendererInfo:
    """Describes an actor's renderer, once its networks are loaded."""

    provenance: Provenance
    capacity: int
    free_bytes: int
    memory: Memory
    device: str


class RendererActor:
    """`engine.cluster` makes it a Ray actor. All methods run in its event loop."""

    def __init__(self) -> None:
        self._renderer: LocalRenderer | None = None
        self._jobs: set[int] = set()
        self._job_added = asyncio.Event()

    async def location(self) -> tuple[str, int]:
        """The id of its node, and its process id there."""
        return ray.get_runtime_context().get_node_id(), os.getpid()

    async def wait_forever(self) -> None:
        """Never returns: the call fails when the actor ends, whatever the cause."""
        await asyncio.Event().wait()

    async def missing_files(self, manifest: Manifest, data_dir: Path) -> list[str]:
        return await asyncio.to_thread(manifest.missing, data_dir)

    async def load(
        self,
        manifest: Manifest,
        data_dir: Path,
        device: str,
        perceptors: Sequence[PerceptorChoice],
        names: Sequence[str],
        *contents: Content,
    ) -> RendererInfo:
        """Stores the files that were sent, and loads the networks.

        Raises WeightsError and DeviceError.
        """

        def load() -> tuple[LocalRenderer, RendererInfo]:
            for name, content in zip(names, contents, strict=True):
                manifest.receive(name, content)
            use_cores()
            chosen = choose_device(device)
            folder = manifest.folder(data_dir)
            external = {name: file.local_path() for name, file in manifest.external.items()}
            model = read_model(manifest.entry, folder, chosen, perceptors, external)
            renderer = Renderer(model, chosen)
            capacity = images_at_a_time(chosen.type, model.side)
            provenance = Provenance(model.name, model.checksums)
            info = RendererInfo(
                provenance, capacity, free_memory(chosen), renderer.memory, str(chosen)
            )
            return LocalRenderer(renderer, provenance, capacity), info

        self._renderer, info = await asyncio.to_thread(load)
        self._jobs.clear()
        return info

    async def add(self, request: RenderRequest) -> tuple[list[Note], StepOutput]:
        assert self._renderer
        added = await self._renderer.add(request)
        self._jobs.add(request.job_id)
        self._job_added.set()
        return added

    async def describe(self, image: Image.Image, refused: frozenset[str]) -> list[Description]:
        assert self._renderer
        return await self._renderer.describe(image, refused)

    async def abort(self, job_id: int) -> None:
        assert self._renderer
        self._renderer.abort(job_id)
        self._jobs.discard(job_id)

    async def finish_early(self, job_id: int) -> None:
        assert self._renderer
        self._renderer.finish_early(job_id)

    async def enable_gradient_checkpointing(self) -> None:
        assert self._renderer
        self._renderer.enable_gradient_checkpointing()

    @ray.method(num_returns="streaming", _generator_backpressure_num_objects=STEPS_AHEAD)
    async def steps(self) -> AsyncIterator[list[StepOutput]]:
        """Runs steps while there are jobs. Raises what a step raises."""
        renderer = self._renderer
        assert renderer
        while renderer is self._renderer:
            if not self._jobs:
                self._job_added.clear()
                await self._job_added.wait()
            outputs = await renderer.step()
            self._jobs -= {output.job_id for output in outputs if output.ended}
            yield outputs


class RayRenderer:
    """The `RendererHandle` of a renderer in an actor."""

    def __init__(self, actor: Any, info: RendererInfo) -> None:
        self.provenance = info.provenance
        self.capacity = info.capacity
        self.gradient_checkpointing = False
        self.failed = False
        self.device = info.device
        self._actor = actor
        self._info = info
        self._config = CONFIGS[info.provenance.model]
        self._recipes: dict[int, Recipe] = {}
        self._latest: dict[int, StepOutput] = {}
        self._stream: AsyncIterator[Awaitable[list[StepOutput]]] | None = None
        self._slowest_step: float | None = None
        self._reason = ""
        self._lost = asyncio.Event()
        self._watching = asyncio.create_task(self._watch())

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    @property
    def reload_seconds(self) -> float | None:
        return None  # an idle actor is ended instead

    def offload(self) -> None:
        """Does nothing: an idle actor is ended instead."""

    @property
    def jobs(self) -> frozenset[int]:
        return frozenset(self._recipes)

    @property
    def timeout(self) -> float:
        """Seconds within which the actor must respond."""
        if self._slowest_step is None:
            return FIRST_STEP_SECONDS
        return max(STEP_SECONDS, TIMEOUT_FACTOR * self._slowest_step)

    def headroom(self, recipe: Recipe) -> float:
        needed = partial(self._info.memory.needed, config=self._config)
        taken = needed(self._recipes.values())
        more = needed([*self._recipes.values(), recipe]) - taken
        return (self._info.free_bytes - taken) / more

    async def add(self, request: RenderRequest) -> tuple[list[Note], StepOutput]:
        self._recipes[request.job_id] = request.recipe
        try:
            return await self._result(self._actor.add.remote(request))
        except BaseException:
            self._recipes.pop(request.job_id, None)
            raise

    async def step(self) -> list[StepOutput]:
        started = time.monotonic()
        outputs = await self._result(self._next_outputs())
        self._slowest_step = max(self._slowest_step or 0.0, time.monotonic() - started)
        for output in outputs:
            if output.ended:
                self._forget(output.job_id)
            elif output.job_id in self._recipes:
                self._latest[output.job_id] = output
        return outputs

    async def describe(self, image: Image.Image, refused: frozenset[str]) -> list[Description]:
        """The first call embeds the phrases, which takes about as long as a first step."""
        call = self._actor.describe.remote(image, refused)
        return await self._result(call, timeout_seconds=FIRST_STEP_SECONDS)

    async def checkpoint(self, job_id: int) -> Checkpoint | None:
        """The checkpoint from the job's last output."""
        output = self._latest.get(job_id)
        return output.checkpoint() if output else None

    def abort(self, job_id: int) -> None:
        self._forget(job_id)
        self._send(self._actor.abort, job_id)

    def finish_early(self, job_id: int) -> None:
        self._send(self._actor.finish_early, job_id)

    def enable_gradient_checkpointing(self) -> None:
        self.gradient_checkpointing = True
        self._send(self._actor.enable_gradient_checkpointing)

    def close(self) -> None:
        """The actor belongs to `engine.cluster`, which ends it."""

    def mark_lost(self, reason: str, *, failed: bool) -> None:
        """Makes pending and later calls raise RendererLost."""
        if not self.lost:
            self._reason, self.failed = reason, failed
            self._lost.set()
            self._watching.cancel()

    async def until_lost(self) -> str:
        """Waits until it is lost; returns the reason."""
        await self._lost.wait()
        return self._reason

    def _forget(self, job_id: int) -> None:
        self._recipes.pop(job_id, None)
        self._latest.pop(job_id, None)

    # -- calls to the actor ----------------------------------------------------------------

    def _send(self, method: Any, *args: object) -> None:
        """Calls the actor without waiting; exceptions are logged."""
        if not self.lost:
            method.remote(*args).future().add_done_callback(_log_failure)

    async def _watch(self) -> None:
        """Notices the end of the actor, even without other calls to it."""
        try:
            await self._actor.wait_forever.remote()
        except RayError as error:
            self.mark_lost(_first_line(error), failed=True)

    async def _next_outputs(self) -> list[StepOutput]:
        if self._stream is None:
            self._stream = self._actor.steps.remote()
        return await (await anext(self._stream))

    async def _result(
        self, call: Awaitable[Result], timeout_seconds: float | None = None
    ) -> Result:
        """Awaits a call to the actor. Raises what it raises, and RendererLost on a timeout."""
        seconds = timeout_seconds or self.timeout
        try:
            async with asyncio.timeout(seconds):
                response = asyncio.ensure_future(call)
                lost = asyncio.create_task(self._lost.wait())
                try:
                    await asyncio.wait({response, lost}, return_when=asyncio.FIRST_COMPLETED)
                    if response.done():
                        return response.result()
                finally:
                    lost.cancel()
                    response.cancel()
        except TimeoutError:
            self.mark_lost(f"It has not responded for {seconds:.0f} seconds.", failed=True)
        except RayTaskError as error:
            self._stream = None  # the exception has ended it
            raise error.cause from None
        except (RayError, StopAsyncIteration) as error:
            self.mark_lost(_first_line(error), failed=True)
        raise RendererLost(self._reason)


def _log_failure(call: Future[None]) -> None:
    """Logs what a call raised. `RayRenderer._watch` notices the end of the actor itself."""
    if not call.cancelled() and isinstance(error := call.exception(), RayTaskError):
        log.error("a call to the renderer failed", error=_first_line(error))


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
