"""Frames of running jobs, and the interface of what shows them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from core.job import Job, Progress, State


@dataclass(frozen=True, slots=True)
class Frame:
    """How a job that has not ended looks now."""

    progress: Progress | None = None
    images: Callable[[], Sequence[Image.Image]] | None = None
    """Called in a thread, and only if the frame is shown."""
    notes: Sequence[str] = ()
    spoilered: bool = False
    """Whether the images are hidden until they are clicked, even if the job's are not."""
    state: State = State.RUNNING
    """The states in which the frame may still be shown; a paused job is queued again."""


class FrameSink(Protocol):
    """Shows running jobs; no method waits."""

    def show_frame(self, job: Job, frame: Frame) -> None:
        """Offers a frame, which a newer one may replace before it is shown."""

    def drop_frames(self, job: Job) -> None:
        """The job is no longer rendered here: show no more frames of it."""

    def job_ended(self) -> None:
        """A job has ended in the database."""
