"""A job on this engine, from its claim to its end: what it shows, writes and records."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import structlog
from prometheus_client import Histogram

from core.database.jobs import MAX_ATTEMPTS, STOPPED_TOO_OFTEN
from core.i18n import say, speaking
from core.job import Job, State
from core.recipe import Recipe
from core.storage.paths import folder_of, state_of
from core.storage.uploaded_images import PictureRefused, load_initial
from engine.album import Album
from engine.delivery.frame import Frame, FrameSink
from engine.job_messages import note_text, progress_of, reason_for
from engine.leases import Leases
from engine.renderer_handle import RendererHandle
from engine.synthesis.checkpoint import Checkpoint, CheckpointError
from engine.synthesis.output import StepOutput
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note, RecipeRefused

log = structlog.stdlib.get_logger(__name__)

BUCKETS = (1, 3, 10, 30, 60, 180, 600, 1800, 3600, 3 * 3600, 12 * 3600)
WAITED = Histogram(
    "imagine_job_waiting_seconds", "From a request to its start in a renderer.", buckets=BUCKETS
)
RENDERED = Histogram(
    "imagine_job_running_seconds",
    "From a job's start in a renderer to its end.",
    ["state"],
    buckets=BUCKETS,
)


@dataclass(frozen=True, slots=True)
class JobServices:
    """What every job of an engine uses."""

    leases: Leases
    frames: FrameSink
    data_dir: Path
    writer: ThreadPoolExecutor
    """Encodes and writes files."""
    finishing: set[asyncio.Task[None]] = field(default_factory=set)
    """Jobs that are rendered, and whose images are being written."""


class RunningJob:
    """A job that this engine has claimed.

    Writes of one job never overlap, and none is under way once it has been given up: what it has
    left on the disk is complete before another renderer or engine reads it.
    """

    def __init__(self, job: Job, services: JobServices) -> None:
        self.job = job
        self.step = 0
        self.started = False
        """Whether it is in its renderer."""
        self.progressed = False
        """Whether a checkpoint later than the one that it started with has been written."""
        self.notes: list[str] = []
        self._services = services
        self._renderer: RendererHandle | None = None
        self._files: Album | None = None
        self._write: asyncio.Future[bool] | None = None

    @property
    def id(self) -> int:
        return self.job.id

    @property
    def recipe(self) -> Recipe:
        return self.job.recipe

    @property
    def steps_left(self) -> int:
        return self.recipe.steps - self.step

    # -- start -----------------------------------------------------------------------------

    async def start(self, renderer: RendererHandle) -> None:
        """Adds the job to a renderer, at its last checkpoint if there is one.

        Raises what `RendererHandle.add` raises, and PictureRefused for an image that is missing.
        """
        self._renderer = renderer
        with speaking(self.job.locale):
            request = await asyncio.to_thread(self._request)
        try:
            notes = await renderer.add(request)
        except CheckpointError as error:
            log.warning("a job starts over", job=self.id, reason=str(error))
            request = replace(request, resume_from=None)
            notes = await renderer.add(request)
        self._started_with(request, notes)

    def _request(self) -> RenderRequest:
        recipe, folder = self.recipe, self._services.data_dir
        return RenderRequest(
            self.id,
            recipe,
            images={name: load_initial(name, folder) for name in recipe.pictures},
            source=_read_checkpoint(recipe.source.job, folder) if recipe.source else None,
            resume_from=_read_checkpoint(self.id, folder),
        )

    def _started_with(self, request: RenderRequest, notes: Sequence[Note]) -> None:
        assert self._renderer
        job, recipe = self.job, self.recipe
        self.step = request.resume_from.step if request.resume_from else 0
        folder = folder_of(self.id, self._services.data_dir)
        self._files = Album(folder, recipe, self._renderer.provenance, self.step)
        self.started = True
        self.add_notes(notes)
        log.info("job started", job=self.id, size=recipe.size, steps=recipe.steps, step=self.step)
        WAITED.observe((job.started_at or job.created_at) - job.created_at)
        self._services.frames.show_frame(job, Frame(notes=self.notes))

    def add_notes(self, notes: Sequence[Note]) -> None:
        """Notes that the member sees from the next frame on, in their language."""
        with speaking(self.job.locale):
            self.notes = [*self.notes, *map(note_text, notes)]

    # -- while it is rendered --------------------------------------------------------------

    def show(self, output: StepOutput, seconds_left: float | None) -> None:
        progress = progress_of(output, seconds_left)
        self._services.frames.show_frame(self.job, Frame(progress, output.images, self.notes))

    async def write_frame(self, output: StepOutput) -> None:
        """Starts to write a frame and the checkpoint. It waits only where the disk is slower."""
        await self._wait_for_write()
        self._start_to_write(output.checkpoint(), output)

    async def write_checkpoint(self) -> None:
        """Writes the latest state, which `detach` would lose."""
        if self._renderer and self.started and (latest := await self._renderer.checkpoint(self.id)):
            self.step = latest.step
            await self._wait_for_write()
            self._start_to_write(latest)
            await self._wait_for_write()

    # -- the end ---------------------------------------------------------------------------

    async def detach(self) -> None:
        """Takes the job from its renderer, and waits until its files are complete."""
        if self._renderer:
            self._renderer.abort(self.id)
        await self._wait_for_write()

    async def give_back(self, *, renderer_failed: bool = False) -> None:
        """Returns the job to the queue.

        If its renderer has failed, the job may be the reason: the attempt counts unless the job
        made progress, and there is no attempt without end.
        """
        await self.detach()
        self._services.frames.drop_frames(self.job)
        counts = renderer_failed and self._renderer is not None and not self.progressed
        if counts and self.job.attempts >= MAX_ATTEMPTS:
            with speaking(self.job.locale):
                await self._end(State.FAILED, say(STOPPED_TOO_OFTEN))
            return
        await self._services.leases.release(self.id, attempt_counts=counts)
        log.info("job given back", job=self.id, step=self.step, attempt_counts=counts)

    async def fail(self, reason: str) -> None:
        """Ends the job; `reason` is a sentence for the member."""
        await self.detach()
        await self._end(State.FAILED, reason)

    def finish(self, output: StepOutput) -> None:
        """Starts to write the images of the last step, after which the job is done."""
        finishing = self._services.finishing
        task = asyncio.create_task(self._finish(output))
        finishing.add(task)
        task.add_done_callback(finishing.discard)

    async def _finish(self, output: StepOutput) -> None:
        assert self._files
        files, loop = self._files, asyncio.get_running_loop()
        try:
            await self._wait_for_write()
            write = lambda: files.finish(output.images())  # noqa: E731
            await loop.run_in_executor(self._services.writer, write)
        except Exception as error:
            await fail_all([self], error)
        else:
            await self._end(State.DONE, " ".join(self.notes) or None)

    async def _end(self, state: State, reason: str | None) -> None:
        recorded = await self._services.leases.finish(self.id, state, reason)
        log.info("job ended", job=self.id, state=state.value, recorded=recorded)
        RENDERED.labels(state.value).observe(time.time() - (self.job.started_at or time.time()))
        self._services.frames.job_ended()

    # -- files -----------------------------------------------------------------------------

    def _start_to_write(self, checkpoint: Checkpoint, output: StepOutput | None = None) -> None:
        assert self._files
        write = partial(_write, self._files, checkpoint, output)
        loop = asyncio.get_running_loop()
        self._write = loop.run_in_executor(self._services.writer, write)

    async def _wait_for_write(self) -> None:
        if self._write:
            self.progressed |= await asyncio.shield(self._write)


async def fail_all(jobs: Sequence[RunningJob], error: Exception) -> None:
    """Ends jobs because of one error, under one incident that log and members share."""
    incident, ids = secrets.token_hex(3), [job.id for job in jobs]
    if isinstance(error, RecipeRefused | PictureRefused):
        log.info("recipe refused", jobs=ids, reason=str(error))
    else:
        log.error("rendering failed", jobs=ids, incident=incident, exc_info=error)
    for job in jobs:
        with speaking(job.job.locale):
            reason = reason_for(error, job.recipe, incident)
        await job.fail(reason)


def _write(files: Album, checkpoint: Checkpoint, output: StepOutput | None) -> bool:
    """Whether it is written. If not, it costs a frame of the timelapse, or steps after a crash."""
    try:
        if output:
            files.keep_frame(output.step, output.images())
        files.keep_state(checkpoint.to_bytes())
        return True
    except Exception as error:
        log.warning("a frame could not be written", folder=str(files.folder), exc_info=error)
        return False


def _read_checkpoint(job_id: int, data_dir: Path) -> Checkpoint | None:
    try:
        return Checkpoint.from_bytes(state_of(folder_of(job_id, data_dir)).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, CheckpointError) as error:
        log.warning("a checkpoint cannot be read", job=job_id, error=str(error))
        return None
