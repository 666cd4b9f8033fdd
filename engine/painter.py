"""A renderer as the worker sees it, wherever it paints; and the one in a thread of this process.

`engine.cluster` has the one in a process of Ray's, which holds one of these in turn.
"""

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

import torch

from core.recipe import Recipe
from engine.media import Provenance
from engine.models.pair import Pair
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note

SMALL = 128  #: pixels on a side, up to which a processor paints several pictures at a time

Result = TypeVar("Result")


def rows_at_a_time(device: str, side: int) -> int:
    """How many pictures of such a size, a pair's own, are painted together on `cpu` or `cuda`.

    On a processor two full-size ones take 2.7 times as long as one (docs/performance.md): there
    they are done sooner one after the other.
    """
    if device == "cuda":
        return 16
    return 4 if side <= SMALL else 1


class RendererLost(Exception):  # noqa: N818 - nobody's fault, as when a machine is taken away
    """The renderer is gone, with all that it has painted since its jobs were last saved."""


class ClusterError(Exception):
    """The cluster that is to paint cannot be used; `str(error)` is one sentence for the host."""


class Renders(Protocol):
    """What `engine.synthesis.renderer` promises; everything blocks."""

    gradient_checkpointing: bool

    def add(self, request: RenderRequest) -> list[Note]: ...
    def abort(self, job_id: int) -> None: ...
    def finish_early(self, job_id: int) -> None: ...
    def enable_gradient_checkpointing(self) -> None: ...
    def step(self) -> list[StepOutput]: ...


class Painter(Protocol):
    """What the worker asks of a renderer.

    `add` and `step` raise what the renderer raises, and RendererLost; the others never wait, and
    take effect before the next step that begins. `step` leaves out what nobody needs to look at.
    `rows` may change at any time: 0 is for one that is to take no more jobs.
    """

    made_by: Provenance
    rows: int
    """About how many pictures it paints at a time."""

    @property
    def lost(self) -> bool:
        """Whether it is gone, also if nobody has noticed in a step."""

    @property
    def failed(self) -> bool:
        """Whether it is gone by a failure, to which a job may have led."""

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether it recomputes activations to save memory."""

    def room(self, recipe: Recipe) -> float:
        """How many jobs like this would still fit into its memory."""

    async def add(self, request: RenderRequest) -> list[Note]: ...
    async def step(self) -> list[StepOutput]: ...
    def abort(self, job_id: int) -> None: ...
    def finish_early(self, job_id: int) -> None: ...
    def enable_gradient_checkpointing(self) -> None: ...


class InThread:
    """A renderer in a thread of its own, which does one thing after the other."""

    lost = failed = False

    def __init__(self, renderer: Renders, made_by: Provenance, rows: int) -> None:
        self.made_by = made_by
        self.rows = rows
        self._renderer = renderer
        self._thread = ThreadPoolExecutor(1, "renderer")

    @classmethod
    def of(cls, pair: Pair, device: torch.device) -> "InThread":
        """The product's own renderer."""
        made_by = Provenance(pair.name, pair.checksums)
        return cls(Renderer(pair, device), made_by, rows_at_a_time(device.type, pair.side))

    @property
    def gradient_checkpointing(self) -> bool:
        return self._renderer.gradient_checkpointing

    def room(self, recipe: Recipe) -> float:
        return math.inf  # nobody else could paint it; `add` finds out

    async def add(self, request: RenderRequest) -> list[Note]:
        return await self._render(partial(self._renderer.add, request))

    async def step(self) -> list[StepOutput]:
        return await self._render(self._renderer.step)

    def abort(self, job_id: int) -> None:
        self._thread.submit(self._renderer.abort, job_id)

    def finish_early(self, job_id: int) -> None:
        self._thread.submit(self._renderer.finish_early, job_id)

    def enable_gradient_checkpointing(self) -> None:
        self._thread.submit(self._renderer.enable_gradient_checkpointing)

    async def _render(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
