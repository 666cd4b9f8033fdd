"""What a renderer has in hand: its batch, and each painting in it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from prometheus_client import Histogram

from core.job import Job
from engine.album import Album
from engine.painter import Painter
from engine.synthesis.checkpoint import Checkpoint

MEMORY = 0.8  #: how much of the old estimate of a step's seconds each step leaves in force

STEP = Histogram(
    "imagine_step_seconds",
    "One step of all pictures in the batch.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)


@dataclass(slots=True)
class Painting:
    """A job in the batch."""

    job: Job
    album: Album
    notes: Sequence[str]
    batch: "Batch"
    step: int = 0
    furthered: bool = False
    """Whether a state further on than the one that it began with has been saved here."""
    saving: asyncio.Future[None] | None = None
    """The frame on its way to the disk."""
    saved: Callable[[], Checkpoint] | None = None
    """Copies its state as the latest step has left it."""

    @property
    def steps_left(self) -> int:
        return self.job.recipe.steps - self.step


@dataclass(slots=True, eq=False)
class Batch:
    """What one renderer paints, about `rows` pictures at a time.

    `rows` becomes smaller when the memory does not suffice, until all of it is painted.
    """

    painter: Painter
    rows: int
    paintings: dict[int, Painting] = field(default_factory=dict)
    arriving: deque[Job] = field(default_factory=deque)
    """Jobs that were handed to it and are not begun yet."""
    called: asyncio.Event = field(default_factory=asyncio.Event)
    turned: float = field(default_factory=time.monotonic)
    """When its loop last came round."""
    at_rest: bool = False
    """Whether its loop has ended, and no step is under way."""
    seconds_per_step: float | None = None

    @property
    def free(self) -> int:
        """How many more pictures it takes."""
        return min(self.rows, self.painter.rows) - self.painted

    @property
    def painted(self) -> int:
        jobs = (*self.arriving, *(painting.job for painting in self.paintings.values()))
        return sum(job.recipe.count for job in jobs)

    def room(self, job: Job) -> tuple[float, int]:
        """The more, the better for a job; those that are on their way take room as it does."""
        return self.painter.room(job.recipe) - len(self.arriving), self.free

    def hand(self, job: Job) -> None:
        self.arriving.append(job)
        self.called.set()

    def measure(self, seconds: float) -> None:
        STEP.observe(seconds)
        known = self.seconds_per_step
        self.seconds_per_step = (
            seconds if known is None else MEMORY * known + (1 - MEMORY) * seconds
        )
