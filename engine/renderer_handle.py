"""The interface to a renderer, wherever it runs, and a renderer in a thread of this process.

`engine.ray_renderer` implements it with a Ray actor, which holds a `LocalRenderer`.
"""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ParamSpec, Protocol, TypeVar

import structlog
import torch
from PIL import Image

from core.description import Description
from core.recipe import Recipe
from engine.describer import Describer
from engine.image_check import ImageCheck
from engine.job_files import is_kept
from engine.media import Provenance
from engine.models.model import Model
from engine.phrases import phrase_bank
from engine.synthesis.checkpoint import Checkpoint
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note

log = structlog.stdlib.get_logger(__name__)

SMALL_SIDE = 192  #: pixels; up to this side, a CPU renders several images at a time
PREVIEW_SECONDS = 1.0  #: between outputs of a job that are only shown, not kept

P = ParamSpec("P")
Result = TypeVar("Result")


class RendererLost(Exception):  # noqa: N818 - not always an error: a machine may be removed
    """The renderer is gone, and with it everything since the last checkpoints of its jobs."""


class JobsDropped(Exception):  # noqa: N818 - named after the event
    """The renderer no longer holds these jobs, although it never reported their end."""

    def __init__(self, job_ids: frozenset[int]) -> None:
        super().__init__(job_ids)
        self.job_ids = job_ids


class ClusterError(Exception):
    """The Ray cluster cannot be used; `str(error)` is one sentence for the host."""


class RendererHandle(Protocol):
    """The asynchronous interface to a renderer.

    `abort`, `finish_early` and `enable_gradient_checkpointing` return immediately and take effect
    before the next step starts.
    """

    provenance: Provenance
    capacity: int
    """About how many images it renders at a time. It may change: 0 means no more jobs."""

    @property
    def lost(self) -> bool:
        """Whether it is gone, even if no call has failed yet."""

    @property
    def failed(self) -> bool:
        """Whether it was lost to a failure, which one of its jobs may have caused."""

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether it recomputes activations, which takes less memory but is slower."""

    @property
    def reload_seconds(self) -> float | None:
        """Seconds that the next job waits for offloaded networks; None if they are loaded."""

    def headroom(self, recipe: Recipe) -> float:
        """How many more jobs like this fit into its memory."""

    async def add(self, request: RenderRequest) -> tuple[list[Note], StepOutput]:
        """Like `Renderer.add`, with the job's preview, on the host. Also raises RendererLost."""

    async def step(self) -> list[StepOutput]:
        """Advances every job by one step; returns the outputs that are due, on the host.

        An output is due if its frame is kept, if it is the job's last, and every `PREVIEW_SECONDS`.
        Raises what `Renderer.step` raises, JobsDropped and RendererLost.
        """

    async def describe(self, image: Image.Image, refused: frozenset[str]) -> list[Description]:
        """Like `Describer.describe`. Also raises RendererLost."""

    async def checkpoint(self, job_id: int) -> Checkpoint | None:
        """The state of a job in the renderer; None before its first step. Never raises."""

    def abort(self, job_id: int) -> None: ...
    def finish_early(self, job_id: int) -> None: ...
    def enable_gradient_checkpointing(self) -> None: ...
    def offload(self) -> None:
        """Frees the GPU's memory until the next job."""

    def close(self) -> None:
        """Closes it after its current step."""


@dataclass(slots=True)
class _HeldJob:
    """A job in the renderer."""

    latest: StepOutput | None = None
    concepts: tuple[str, ...] = ()
    """The concepts that its images are checked for."""
    output_at: float = -math.inf
    """When an output was last returned."""


class LocalRenderer:
    """A renderer in a separate thread, so that the event loop never waits for the device.

    Methods whose names end in `_in_thread` run in that thread, one after another. Everything that
    touches the renderer, or outputs still on the device, goes through them.
    """

    lost = failed = False

    def __init__(self, renderer: Renderer, provenance: Provenance, capacity: int) -> None:
        self.provenance = provenance
        self.capacity = capacity
        self._renderer = renderer
        self._held: dict[int, _HeldJob] = {}
        self._reload_seconds = 0.0
        self._thread = ThreadPoolExecutor(1, "renderer")

    @classmethod
    def of(cls, model: Model, device: torch.device) -> "LocalRenderer":
        renderer, provenance = Renderer(model, device), Provenance(model.name, model.checksums)
        handle = cls(renderer, provenance, images_at_a_time(device.type, model.side))
        handle._send(renderer.measure)
        return handle

    @cached_property
    def _describer(self) -> Describer:
        model = self._renderer.model
        return Describer(model.perceptor, phrase_bank(model.name), self._renderer.device)

    @cached_property
    def _image_check(self) -> ImageCheck:
        model = self._renderer.model
        neutral = phrase_bank(model.name).neutral
        return ImageCheck(model.perceptor, neutral, self._renderer.device)

    @property
    def gradient_checkpointing(self) -> bool:
        return self._renderer.gradient_checkpointing

    @property
    def reload_seconds(self) -> float | None:
        return self._reload_seconds if self._renderer.offloaded else None

    def headroom(self, recipe: Recipe) -> float:
        return math.inf  # there is no other renderer to choose; `add` checks the memory

    async def add(self, request: RenderRequest) -> tuple[list[Note], StepOutput]:
        return await self._run(self._add_in_thread, request)

    async def step(self) -> list[StepOutput]:
        return await self._run(self._step_in_thread)

    async def describe(self, image: Image.Image, refused: frozenset[str]) -> list[Description]:
        return await self._run(self._describe_in_thread, image, refused)

    async def checkpoint(self, job_id: int) -> Checkpoint | None:
        try:
            return await self._run(self._checkpoint_in_thread, job_id)
        except Exception as error:
            log.warning("a checkpoint could not be made", job=job_id, exc_info=error)
            return None

    def abort(self, job_id: int) -> None:
        self._send(self._abort_in_thread, job_id)

    def finish_early(self, job_id: int) -> None:
        self._send(self._renderer.finish_early, job_id)

    def enable_gradient_checkpointing(self) -> None:
        self._send(self._renderer.enable_gradient_checkpointing)

    def offload(self) -> None:
        self._send(self._offload_in_thread)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    # -- in the renderer's thread ----------------------------------------------------------

    def _add_in_thread(self, request: RenderRequest) -> tuple[list[Note], StepOutput]:
        notes = self._renderer.add(request)
        self._held[request.job_id] = _HeldJob(concepts=request.concepts)
        preview = self._renderer.preview(request.job_id)
        return notes, self._with_concept_scores(preview).to_host()

    def _describe_in_thread(self, image: Image.Image, refused: frozenset[str]) -> list[Description]:
        self._renderer.reload()
        return self._describer.describe(image, refused)

    def _offload_in_thread(self) -> None:
        """Measures the time, because moving the networks back takes about as long."""
        started = time.monotonic()
        self._renderer.offload()
        self._reload_seconds = time.monotonic() - started

    def _step_in_thread(self) -> list[StepOutput]:
        if dropped := self._held.keys() - self._renderer.job_ids:
            for job_id in dropped:
                del self._held[job_id]
            raise JobsDropped(frozenset(dropped))
        outputs = self._renderer.step()
        due = [
            self._with_concept_scores(output).to_host()
            for output in outputs
            if self._is_due(output)
        ]
        for output in outputs:
            if output.ended:
                del self._held[output.job_id]
            else:  # kept so that a checkpoint can be made after any step
                self._held[output.job_id].latest = output
        return due

    def _is_due(self, output: StepOutput) -> bool:
        held, now = self._held[output.job_id], time.monotonic()
        due = (
            output.ended
            or output.filmed
            or is_kept(output.step, output.steps)
            or now - held.output_at >= PREVIEW_SECONDS
        )
        if due:
            held.output_at = now
        return due

    def _with_concept_scores(self, output: StepOutput) -> StepOutput:
        """Adds the scores of the concepts that the job is checked for."""
        concepts = self._held[output.job_id].concepts
        if not concepts or output.fault:
            return output
        return replace(output, concept_scores=self._concept_scores(output, concepts))

    def _concept_scores(self, output: StepOutput, concepts: tuple[str, ...]) -> dict[str, float]:
        return self._image_check.scores(output.pixels, concepts)

    def _checkpoint_in_thread(self, job_id: int) -> Checkpoint | None:
        held = self._held.get(job_id)
        return held.latest.checkpoint() if held and held.latest else None

    def _abort_in_thread(self, job_id: int) -> None:
        self._held.pop(job_id, None)
        self._renderer.abort(job_id)

    # -- calls into the thread -------------------------------------------------------------

    async def _run(self, work: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        return await asyncio.wrap_future(self._thread.submit(work, *args, **kwargs))

    def _send(self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        self._thread.submit(work, *args, **kwargs).add_done_callback(_log_failure)


def _log_failure(call: Future[None]) -> None:
    if not call.cancelled() and (error := call.exception()):
        log.error("a call to the renderer failed", exc_info=error)


def images_at_a_time(device: str, side: int) -> int:
    """How many images of a model's own size are rendered together on `cpu` or `cuda`.

    On a CPU, two full-size images together take 2.7 times as long as one (docs/performance.md), so
    they are rendered one after another.
    """
    if device == "cuda":
        return 16
    return 4 if side <= SMALL_SIDE else 1
