"""Frames of running jobs, and the interface for showing them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from core.job import Job, Progress, State


@dataclass(frozen=True, slots=True)
class Frame:
    """What to show for a job that has not ended."""

    progress: Progress | None = None
    images: Callable[[], Sequence[Image.Image]] | None = None
    """Called in a thread, and only if the frame is shown."""
    notes: Sequence[str] = ()
    spoilered: bool = False
    """Whether to post the images as spoilers, even if the job is not spoilered."""
    state: State = State.RUNNING
    """The state that the job must be in for the frame to be shown; a paused job is queued."""


class FrameSink(Protocol):
    """Shows running jobs. All methods return immediately."""

    def show_frame(self, job: Job, frame: Frame) -> None:
        """Offers a frame, which a newer one may replace before it is shown."""

    def drop_frames(self, job: Job) -> None:
        """Shows no more frames of a job, because it is no longer rendered here."""

    def job_ended(self) -> None:
        """Announces that a job has ended in the database."""
