"""Takes jobs from the queue, drives renderers step by step, and records what happened.

One loop for each renderer: claim while a batch has room → one step → drop what was cancelled →
show frames → keep what is done. Steps run elsewhere (see `engine.painter`), so that leases are
renewed and messages written meanwhile; nothing in here waits for Discord.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog
from PIL import Image
from prometheus_client import Gauge, Histogram

from core.database.jobs import MAX_ATTEMPTS, STOPPED_TOO_OFTEN, Store, StoreError
from core.database.moderation import Moderation
from core.i18n import say, speaking
from core.job import Job, State
from core.recipe import Recipe
from core.storage.paths import folder_of, state_of
from core.storage.uploaded_images import PictureRefused, load_initial
from engine.album import Album
from engine.batch import Batch, Painting
from engine.delivery.poster import Frame
from engine.painter import Painter, RendererLost
from engine.synthesis.checkpoint import Checkpoint, CheckpointError
from engine.synthesis.output import StepOutput
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note, NoteCode, RecipeRefused
from engine.telling import fault_text, note_text, out_of_memory, progress_of, reason_for

log = structlog.stdlib.get_logger(__name__)

LEASE_SECONDS = 20.0
HEARTBEAT_SECONDS = 5.0
POLL_SECONDS = 0.5  #: between two looks at the queue, unless a place has just become free
RETRY_SECONDS = 2.0  #: between two tries at a database that is locked or full
STOP_SECONDS = 30.0  #: how long a step may still take once the engine is to stop
WORTH_MOVING_SECONDS = 5.0  #: what a job must still take to go on at a renderer that is idle

MINUTES = (1, 3, 10, 30, 60, 180, 600, 1800, 3600, 3 * 3600, 12 * 3600)
WAITED = Histogram(
    "imagine_job_waiting_seconds", "From a wish to its place in the batch.", buckets=MINUTES
)
PAINTED = Histogram(
    "imagine_job_running_seconds",
    "From a job's place in the batch to its end.",
    ["state"],
    buckets=MINUTES,
)
RENDERERS = Gauge("imagine_renderers", "Renderers at work.")


class Showcase(Protocol):
    """What the worker tells the poster (see `engine.delivery.poster`); none of it waits."""

    def show_frame(self, job: Job, frame: Frame) -> None: ...
    def forget(self, job: Job) -> None: ...
    def outcome_is_there(self) -> None: ...


class Worker:
    """Paints what the queue holds, with the renderers that join it."""

    def __init__(self, store: Store, poster: Showcase, *, data_dir: Path) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._store = store
        self._poster = poster
        self._data_dir = data_dir
        self._batches: list[Batch] = []
        self._keeping: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopping = False
        self._next_look = 0.0
        self._claiming = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._look: asyncio.Task[dict[int, bool]] | None = None
        # Half of the cores, so that the other half is left to those that paint here.
        self._saving = ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)) // 2), "album")

    def join(self, painter: Painter) -> None:
        """Paints with this renderer, too, until it is lost or the worker stops."""
        batch = Batch(painter, painter.rows)
        self._batches.append(batch)
        RENDERERS.set(len(self._batches))
        self._start(self._paint(batch))

    @property
    def renderers(self) -> int:
        """How many there are at present."""
        return len(self._batches)

    @property
    def jobs(self) -> int:
        """How many are being painted at present."""
        return sum(len(batch.paintings) + len(batch.arriving) for batch in self._batches)

    @property
    def turned(self) -> float:
        """When the slowest of its loops last came round."""
        return min((batch.turned for batch in self._batches), default=time.monotonic())

    async def run(self) -> None:
        """Paints until cancelled; then ends its steps and gives unfinished jobs back, saved."""
        beating = self._start(self._beat())
        try:
            await self._failure
        finally:
            self._stopping = True
            if painting := self._tasks - {beating}:
                await asyncio.wait(painting, timeout=STOP_SECONDS)
            await self._keep_states()
            if tasks := set(self._tasks):
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            await self._hand_back()
            self._saving.shutdown(wait=False)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """If it fails, all ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._failure.done():
            self._failure.set_exception(error)

    # -- the loop --------------------------------------------------------------------------

    async def _paint(self, batch: Batch) -> None:
        try:
            while not self._stopping and not batch.painter.lost:
                batch.turned = time.monotonic()
                await self._admit()
                while batch.arriving:
                    await self._begin(batch, batch.arriving[0])
                    batch.arriving.popleft()
                if batch.paintings:
                    await self._advance(batch)
                else:
                    await self._rest(batch)
        except RendererLost as error:
            log.warning("a renderer is lost", jobs=list(batch.paintings), reason=str(error))
        batch.at_rest = True
        if batch.painter.lost:
            await self._lose(batch)

    async def _rest(self, batch: Batch) -> None:
        """Until the next look at the queue, or until a job has been handed to it."""
        batch.called.clear()
        seconds = self._next_look - time.monotonic() if batch.free > 0 else POLL_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await batch.called.wait()

    async def _admit(self) -> None:
        """Hands waiting jobs out while there is room, each to the batch with the most of it."""
        async with self._claiming:
            while self._open() and time.monotonic() >= self._next_look:
                try:
                    job = await self._store.claim(self.name, LEASE_SECONDS)
                except StoreError as error:
                    log.warning("no job can be claimed, trying again", error=str(error))
                    self._next_look = time.monotonic() + RETRY_SECONDS
                    return
                if job is None:
                    self._next_look = time.monotonic() + POLL_SECONDS
                    self._even_out()
                    return
                self._forget(job)
                # Meanwhile any of them may have been lost.
                if not (candidates := self._open() or self._batches):
                    await self._insist(partial(self._store.release, job.id, self.name))
                    return
                max(candidates, key=partial(Batch.room, job=job)).hand(job)

    def _open(self) -> list[Batch]:
        """The batches that take another job."""
        return [batch for batch in self._batches if batch.free > 0]

    def _even_out(self) -> None:
        """A renderer with nothing to do takes a job from the one that has the most."""
        idle = next((each for each in self._open() if not each.painted), None)
        fullest = max(self._batches, key=lambda batch: len(batch.paintings), default=None)
        if idle is None or fullest is None or len(fullest.paintings) < 2:
            return
        under_way = [each for each in fullest.paintings.values() if each.saved]
        painting = max(under_way, key=lambda each: each.steps_left, default=None)
        pace = fullest.seconds_per_step or 0.0
        if painting is None or painting.steps_left * pace < WORTH_MOVING_SECONDS:
            return
        if idle.painter.room(painting.job.recipe) < 1:
            return
        log.info("moved", job=painting.job.id, step=painting.step)
        fullest.painter.abort(painting.job.id)
        self._leave(painting)
        idle.hand(painting.job)

    def _forget(self, job: Job) -> None:
        """A job that waited for a moment may be handed out before its batch has missed it."""
        for painting in self._paintings():
            if painting.job.id == job.id:
                painting.batch.painter.abort(job.id)
                self._leave(painting)
                return

    async def _begin(self, batch: Batch, job: Job) -> None:
        try:
            with speaking(job.locale):
                notes, step = await self._add(batch, job)
        except RendererLost:
            batch.arriving.popleft()
            await self._put_back(batch, job, furthered=False)
            raise
        except Exception as error:
            batch.painter.abort(job.id)
            if out_of_memory(error) and batch.paintings:
                await self._wait_for_room(batch, job)
            else:
                await self._fail([job], error)
            return
        log.info("began", job=job.id, size=job.recipe.size, steps=job.recipe.steps, step=step)
        WAITED.observe((job.started_at or job.created_at) - job.created_at)
        folder = folder_of(job.id, self._data_dir)
        album = Album(folder, job.recipe, batch.painter.made_by, step)
        batch.paintings[job.id] = Painting(job, album, notes, batch, step)
        self._poster.show_frame(job, Frame(notes=notes))

    async def _add(self, batch: Batch, job: Job) -> tuple[list[str], int]:
        """Puts a job into the batch, from where a crash left it if it was begun before.

        Returns the notes for the member, and the step that it stands at.
        """
        recipe = job.recipe
        pictures = await asyncio.to_thread(self._pictures, recipe)
        source = await asyncio.to_thread(self._state, recipe.source.job if recipe.source else None)
        resumed = await asyncio.to_thread(self._state, job.id)
        request = RenderRequest(job.id, recipe, pictures, source, resumed)
        try:
            notes = await batch.painter.add(request)
        except CheckpointError as error:
            log.warning("a job begins anew", job=job.id, reason=str(error))
            resumed = None
            notes = await batch.painter.add(replace(request, resume_from=None))
        return [note_text(note) for note in notes], resumed.step if resumed else 0

    def _pictures(self, recipe: Recipe) -> dict[str, Image.Image]:
        return {name: load_initial(name, self._data_dir) for name in recipe.pictures}

    def _state(self, job_id: int | None) -> Checkpoint | None:
        """What was saved of a job; None where there is nothing to read."""
        if job_id is None:
            return None
        try:
            return Checkpoint.from_bytes(state_of(folder_of(job_id, self._data_dir)).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, CheckpointError) as error:
            log.warning("a saved state cannot be read", job=job_id, error=str(error))
            return None

    async def _advance(self, batch: Batch) -> None:
        """One step of the batch, and what follows from it."""
        began = time.monotonic()
        try:
            iterations = await batch.painter.step()
        except RendererLost:
            raise
        except Exception as error:
            await self._recover(batch, error)
            return
        for iteration in iterations:
            if painting := batch.paintings.get(iteration.job_id):
                painting.step = iteration.step
                painting.saved = None if iteration.done else iteration.checkpoint
        await self._heed_the_queue(batch)
        for iteration in iterations:
            if painting := batch.paintings.get(iteration.job_id):
                await self._take(painting, iteration)
        # Only now: a GPU goes on computing after its step has been handed back.
        batch.measure(time.monotonic() - began)

    async def _take(self, painting: Painting, iteration: StepOutput) -> None:
        """What one step did for one job."""
        if iteration.fault:
            self._leave(painting)
            with speaking(painting.job.locale):
                reason = fault_text(iteration.fault)
            await self._end(painting.job, State.FAILED, reason)
            return
        progress = partial(progress_of, iteration, painting.batch.seconds_per_step)
        self._poster.show_frame(painting.job, Frame(progress, iteration.images, painting.notes))
        if painting.album.wants(iteration.step) or iteration.done:
            await self._save_frame(painting, iteration)
        if iteration.done:
            self._leave(painting)
            keeping = asyncio.create_task(self._keep(painting, iteration))
            self._keeping.add(keeping)
            keeping.add_done_callback(self._keeping.discard)

    async def _heed_the_queue(self, batch: Batch) -> None:
        """Takes jobs out of the batch that were cancelled, or paused, or given to another engine.

        The next step is the last of those whose askers want what is there.
        """
        try:
            mine = await self._mine()
        except StoreError as error:
            log.warning("cancelled jobs cannot be looked for", error=str(error))
            return
        for painting in list(batch.paintings.values()):
            if mine.get(painting.job.id):
                batch.painter.finish_early(painting.job.id)
            if painting.job.id not in mine:
                log.info("dropped", job=painting.job.id, step=painting.step)
                batch.painter.abort(painting.job.id)
                self._leave(painting)
                self._poster.forget(painting.job)
                self._poster.outcome_is_there()
                await self._keep_for_later(painting)

    async def _mine(self) -> dict[int, bool]:
        """The jobs that are to be painted here; batches that ask at the same time look once."""
        if self._look is None:
            self._look = asyncio.create_task(self._look_at_mine())
        return await asyncio.shield(self._look)

    async def _look_at_mine(self) -> dict[int, bool]:
        async with self._looking:
            self._look = None  # whoever asks from now on must not get what was true before
            return await self._store.still_mine(self.name)

    async def _keep_for_later(self, painting: Painting) -> None:
        """A job that waits again, since its server is paused, will go on from where it is."""
        try:
            job = await self._store.job(painting.job.id)
            if job is None or job.state is not State.QUEUED:
                return
            pause = (await Moderation(self._store).guild(job.guild_id)).pause
        except StoreError as error:
            log.warning("a job goes on from an older state", error=str(error))
            return
        await self._keep_state(painting)
        why = f": {pause.reason.rstrip('.')}" if pause and pause.reason else ""
        with speaking(job.locale):
            paused = say(
                "The moderators have paused painting here{why}. It is at step {step}.",
                why=why,
                step=painting.step,
            )
        self._poster.show_frame(job, Frame(notes=[paused] if pause else [], state=State.QUEUED))

    # -- pictures --------------------------------------------------------------------------

    async def _save_frame(self, painting: Painting, iteration: StepOutput) -> None:
        """Sends a frame and the job's state to the disk, beside the renderer.

        It waits only where the disk is slower; the state is copied before the next step.
        """
        if painting.saving:
            await painting.saving
            painting.furthered = True
        painting.saving = asyncio.get_running_loop().run_in_executor(
            self._saving, _keep_frame, painting.album, iteration, iteration.checkpoint()
        )

    async def _keep(self, painting: Painting, iteration: StepOutput) -> None:
        """Writes the finished pictures, then ends the job."""
        job = painting.job
        try:
            if painting.saving:
                await painting.saving
            await asyncio.get_running_loop().run_in_executor(
                self._saving, lambda: painting.album.finish(iteration.images())
            )
        except Exception as error:
            await self._fail([job], error)
        else:
            await self._end(job, State.DONE, " ".join(painting.notes) or None)

    # -- trouble ---------------------------------------------------------------------------

    async def _recover(self, batch: Batch, error: Exception) -> None:
        """A step failed: without memory the youngest job waits, and the last one is tried in less.

        If that was not it, those in the batch fail.
        """
        paintings = list(batch.paintings.values())
        if (
            out_of_memory(error)
            and len(paintings) == 1
            and not batch.painter.gradient_checkpointing
        ):
            log.warning("not enough memory; painting in less", job=paintings[0].job.id)
            batch.painter.enable_gradient_checkpointing()
            with speaking(paintings[0].job.locale):
                paintings[0].notes = [*paintings[0].notes, note_text(Note(NoteCode.LOW_MEMORY))]
            return
        if out_of_memory(error) and len(paintings) > 1:
            batch.painter.abort(paintings[-1].job.id)
            self._leave(paintings[-1])
            await self._wait_for_room(batch, paintings[-1].job)
            return
        for painting in paintings:
            batch.painter.abort(painting.job.id)
            self._leave(painting)
        await self._fail([painting.job for painting in paintings], error)

    async def _wait_for_room(self, batch: Batch, job: Job) -> None:
        """Gives a job back that did not fit into the memory beside the others."""
        batch.rows = sum(painting.job.recipe.count for painting in batch.paintings.values())
        log.warning("not enough memory; fewer rows for now", rows=batch.rows, job=job.id)
        self._poster.forget(job)
        await self._insist(lambda: self._store.release(job.id, self.name))

    async def _lose(self, batch: Batch) -> None:
        """What a lost renderer has painted goes on elsewhere, from what was last saved of it."""
        self._batches.remove(batch)
        RENDERERS.set(len(self._batches))
        for painting in batch.paintings.values():
            if painting.saving:
                await painting.saving
                painting.furthered = True
            await self._put_back(batch, painting.job, painting.furthered, painting.step)
        for job in batch.arriving:
            await self._insist(partial(self._store.release, job.id, self.name))
        self._next_look = 0.0

    async def _put_back(self, batch: Batch, job: Job, furthered: bool, step: int = 0) -> None:
        """Gives a job back whose renderer was lost; it may be the reason.

        An attempt that has failed counts unless it has brought the picture further.
        """
        self._poster.forget(job)
        counts = batch.painter.failed and not furthered
        if job.attempts < MAX_ATTEMPTS or not counts:
            await self._insist(
                lambda: self._store.release(job.id, self.name, attempt_counts=counts)
            )
            log.info("put back", job=job.id, step=step, attempt=job.attempts, counts=counts)
            return
        with speaking(job.locale):
            await self._end(job, State.FAILED, say(STOPPED_TOO_OFTEN))

    async def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        incident = secrets.token_hex(3)
        ids = [job.id for job in jobs]
        if isinstance(error, RecipeRefused | PictureRefused):
            log.info("refused", jobs=ids, reason=str(error))
        else:
            log.error("painting failed", jobs=ids, incident=incident, exc_info=error)
        for job in jobs:
            with speaking(job.locale):
                reason = reason_for(error, job.recipe, incident)
            await self._end(job, State.FAILED, reason)

    async def _end(self, job: Job, state: State, reason: str | None) -> None:
        applied = await self._insist(lambda: self._store.finish(job.id, self.name, state, reason))
        log.info("ended", job=job.id, state=state.value, applied=applied)
        PAINTED.labels(state.value).observe(time.time() - (job.started_at or time.time()))
        self._poster.outcome_is_there()

    # -- the store -------------------------------------------------------------------------

    async def _insist(self, change: Callable[[], Awaitable[bool]]) -> bool:
        """A change that must reach the database; False if it did not apply, or we stop before.

        What is not recorded when we stop is painted again once the lease has run out.
        """
        while True:
            try:
                return await change()
            except StoreError as error:
                log.warning("a job's state cannot be recorded, trying again", error=str(error))
                if self._stopping:
                    return False
                await asyncio.sleep(RETRY_SECONDS)

    async def _beat(self) -> None:
        """Renews the leases of this engine's jobs, and takes back those of dead engines."""
        while True:
            steps = {painting.job.id: painting.step for painting in self._paintings()}
            try:
                await self._store.heartbeat(self.name, LEASE_SECONDS, steps)
                for job in await self._store.requeue_expired(LEASE_SECONDS):
                    log.warning("another engine lost a job", job=job.id, state=job.state.value)
            except StoreError as error:
                log.warning("the leases cannot be renewed, trying again", error=str(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _keep_states(self) -> None:
        """Keeps what the last step has left of each job, for the engine that goes on with it."""
        for painting in self._paintings():
            if painting.batch.at_rest:
                await self._keep_state(painting)

    async def _keep_state(self, painting: Painting) -> None:
        if painting.saved:
            await asyncio.get_running_loop().run_in_executor(
                self._saving, _keep_state, painting.album, painting.saved()
            )

    async def _hand_back(self) -> None:
        """Lets pictures on their way to the disk arrive, and gives back the other jobs."""
        if self._keeping:
            await asyncio.wait(self._keeping)
        try:
            for job_id in await self._store.still_mine(self.name):
                await self._store.release(job_id, self.name)
                log.info("given back", job=job_id)
        except StoreError as error:
            log.warning("jobs go back when their leases run out", error=str(error))

    # -- underneath ------------------------------------------------------------------------

    def _leave(self, painting: Painting) -> None:
        batch = painting.batch
        batch.paintings.pop(painting.job.id, None)
        if not batch.paintings:
            batch.rows = batch.painter.rows
        self._next_look = 0.0  # there is room for another

    def _paintings(self) -> Iterator[Painting]:
        """Of all batches, as they are at this moment."""
        for batch in list(self._batches):
            yield from list(batch.paintings.values())


def _keep_frame(album: Album, iteration: StepOutput, saved: Checkpoint) -> None:
    """A frame that cannot be kept is missing in the timelapse; the picture matters more."""
    try:
        album.keep_frame(iteration.step, iteration.images())
        album.keep_state(saved.to_bytes())
    except Exception as error:
        log.warning("a frame was not kept", folder=str(album.folder), exc_info=error)


def _keep_state(album: Album, saved: Checkpoint) -> None:
    """A state that cannot be kept costs the steps since the one before."""
    try:
        album.keep_state(saved.to_bytes())
    except Exception as error:
        log.warning("a state was not kept", folder=str(album.folder), exc_info=error)
