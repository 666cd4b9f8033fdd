"""A renderer and the jobs assigned to it."""

import asyncio
import time
from dataclasses import dataclass, field

from prometheus_client import Histogram

from engine.renderer_handle import RendererHandle
from engine.running_job import RunningJob
from engine.step_timer import StepTimer

STEP = Histogram(
    "imagine_step_seconds",
    "One step of all jobs of a renderer.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)


@dataclass(slots=True, eq=False)
class RendererSlot:
    """A renderer and its jobs: those in progress and those that have not started."""

    renderer: RendererHandle
    capacity: int = 0
    """About how many images fit into it; reduced after memory ran out, until it is empty."""
    jobs: dict[int, RunningJob] = field(default_factory=dict)
    outgoing: dict[int, "RendererSlot"] = field(default_factory=dict)
    """Jobs that move to another slot after the current step."""
    wakeup: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a job arrives."""
    last_tick: float = field(default_factory=time.monotonic)
    """When its loop last started an iteration, in monotonic seconds."""
    stopped: bool = False
    """Whether its loop and the last step have ended."""
    timer: StepTimer = field(default_factory=StepTimer)

    def __post_init__(self) -> None:
        self.capacity = self.renderer.capacity

    @property
    def images(self) -> int:
        return sum(job.recipe.count for job in self.jobs.values())

    @property
    def free(self) -> int:
        """How many more images fit into it."""
        return min(self.capacity, self.renderer.capacity) - self.images

    @property
    def started(self) -> list[RunningJob]:
        """The jobs that are in the renderer, the newest last."""
        return [job for job in self.jobs.values() if job.started]

    @property
    def pending(self) -> list[RunningJob]:
        return [job for job in self.jobs.values() if not job.started]

    def holds(self, job: RunningJob) -> bool:
        return self.jobs.get(job.id) is job

    def enqueue(self, job: RunningJob) -> None:
        self.jobs[job.id] = job
        self.wakeup.set()

    def remove(self, job: RunningJob) -> None:
        if self.holds(job):
            del self.jobs[job.id]
        if not self.jobs:
            self.capacity = self.renderer.capacity

    def measure(self, seconds: float) -> None:
        """Records how long a step of all jobs took."""
        STEP.observe(seconds)
        self.timer.measure(seconds, sum(job.cost for job in self.started))

    def seconds_left(self, job: RunningJob) -> float | None:
        """Estimated seconds left for a job, if no other job leaves; None before the first step."""
        others = sum(other.cost for other in self.started if other is not job)
        return self.timer.seconds(job.cost_left + job.steps_left * others)
