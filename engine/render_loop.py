"""The loop of one renderer: starts pending jobs, runs a step, records the results.

It never waits for Discord, and waits for the disk only if that is slower than the renderer.
"""

import time
from collections.abc import Sequence

import structlog

from core.database.connection import Database
from core.database.errors import StoreError
from core.database.guild_settings import GuildSettings
from core.database.jobs import Jobs
from core.i18n import use_locale
from core.job import JobKind, Reason, State
from engine.delivery.frame import Frame
from engine.job_files import is_kept
from engine.job_messages import fault_text, out_of_memory, paused_text
from engine.refused_words import RefusedWords
from engine.renderer_handle import JobsDropped, RendererLost
from engine.renderer_slot import RendererSlot
from engine.running_job import JobServices, RunningJob, fail_all
from engine.scheduler import Scheduler
from engine.synthesis.output import StepOutput
from engine.synthesis.validation import Note, NoteCode

log = structlog.stdlib.get_logger(__name__)


class RenderLoop:
    """Drives one renderer until it is lost or the engine stops."""

    def __init__(
        self, slot: RendererSlot, scheduler: Scheduler, services: JobServices, database: Database
    ) -> None:
        self._slot = slot
        self._renderer = slot.renderer
        self._scheduler = scheduler
        self._services = services
        self._jobs = Jobs(database)
        self._guild_settings = GuildSettings(database)
        self._refused_words = RefusedWords(database)
        self._busy_at = time.monotonic()

    async def run(self) -> None:
        slot = self._slot
        try:
            while not self._services.leases.stopping and not self._renderer.lost:
                slot.last_tick = time.monotonic()
                await self._scheduler.admit()
                await self._move_outgoing()
                while slot.pending:
                    await self._start(slot.pending[0])
                if slot.jobs:
                    await self._step()
                    self._busy_at = time.monotonic()
                else:
                    self._offload_if_idle()
                    await self._scheduler.wait(slot)
        except RendererLost as error:
            log.warning("renderer lost", jobs=list(slot.jobs), reason=str(error))
        slot.stopped = True
        if self._renderer.lost:
            await self._requeue_all()

    def _offload_if_idle(self) -> None:
        idle_seconds = self._services.idle_seconds
        if idle_seconds is None or self._renderer.reload_seconds is not None:
            return
        if time.monotonic() - self._busy_at >= idle_seconds:
            log.info("renderer offloaded", idle_seconds=idle_seconds)
            self._renderer.offload()
            self._busy_at = time.monotonic()  # don't repeat it before it takes effect

    async def _start(self, job: RunningJob) -> None:
        """Starts a job, and shows what its images start from."""
        is_description = job.job.kind is JobKind.DESCRIPTION
        try:
            if is_description:
                await job.describe(self._renderer, self._refused_words)
                preview = None
            else:
                preview = await job.start(self._renderer)
        except RendererLost:
            raise
        except Exception as error:
            if not self._slot.holds(job):
                return
            self._scheduler.remove(self._slot, job)
            if out_of_memory(error) and self._slot.jobs:
                await self._requeue_for_memory(job)
            elif isinstance(error, StoreError):
                log.warning("a job cannot be started, trying again", job=job.id, error=str(error))
                await job.requeue()
            else:
                await fail_all([job], error)
            return
        if preview is None:
            self._scheduler.remove(self._slot, job)
        elif self._slot.holds(job):
            job.show(preview, self._slot.seconds_left(job))
        else:  # it was removed while it was being added
            await job.detach()

    async def _step(self) -> None:
        """Runs one step of the renderer and processes the outputs."""
        started = time.monotonic()
        try:
            outputs = await self._renderer.step()
        except RendererLost:
            raise
        except JobsDropped as error:
            await self._fail([job for job in self._slot.started if job.id in error.job_ids], error)
            return
        except Exception as error:
            await self._recover(error)
            return
        stepped = [(job, output) for output in outputs if (job := self._job_of(output))]
        for job, output in stepped:
            job.update(output)
        await self._sync_with_database()
        for job, output in stepped:
            if self._slot.holds(job):
                await self._process(job, output)
        # Measured here, because a GPU continues computing after `step` has returned.
        self._slot.measure(time.monotonic() - started)

    def _job_of(self, output: StepOutput) -> RunningJob | None:
        """The job of an output; None if it was removed, in which case it is aborted again."""
        job = self._slot.jobs.get(output.job_id)
        if job is None:
            self._renderer.abort(output.job_id)
        return job if job and job.started else None

    async def _process(self, job: RunningJob, output: StepOutput) -> None:
        if output.fault:
            self._scheduler.remove(self._slot, job)
            with use_locale(job.job.locale):
                reason = Reason(text=fault_text(output.fault))
            await job.fail(reason)
            return
        job.show(output, self._slot.seconds_left(job))
        if output.done or output.filmed or is_kept(output.step, output.steps):
            await job.write_frame(output)
        if output.done:
            self._scheduler.remove(self._slot, job)
            job.finish(output)

    # -- jobs that are no longer ours ------------------------------------------------------

    async def _sync_with_database(self) -> None:
        """Drops jobs that were cancelled, paused, or taken over by another engine.

        Jobs that should finish early get one more step.
        """
        # Listed before the query, whose result may lack jobs that are claimed later.
        held = list(self._slot.jobs.values())
        try:
            owned = await self._services.leases.owned()
        except StoreError as error:
            log.warning("cancelled jobs cannot be looked up", error=str(error))
            return
        for job in held:
            if not self._slot.holds(job):
                continue
            if job.id not in owned:
                await self._drop(job)
            elif owned[job.id] and job.started:
                job.finish_early()

    async def _drop(self, job: RunningJob) -> None:
        """Stops a job that is no longer ours; a paused one will resume from its current step."""
        frames = self._services.frames
        frames.drop_frames(job.job)
        frames.job_ended()
        try:
            current = await self._jobs.get(job.id)
            if current and current.state is State.QUEUED:
                await job.write_checkpoint()
                pause = (await self._guild_settings.get(current.guild_id)).pause
                with use_locale(current.locale):
                    notes = [paused_text(pause, job.step)] if pause else []
                frames.show_frame(current, Frame(notes=notes, state=State.QUEUED))
        except StoreError as error:
            log.warning("a job will resume from an older step", job=job.id, error=str(error))
        await job.detach()
        self._scheduler.remove(self._slot, job)
        log.info("job dropped", job=job.id, step=job.step)

    # -- failed steps ----------------------------------------------------------------------

    async def _recover(self, error: Exception) -> None:
        """Recovers from a failed step.

        If memory ran out, the newest of several jobs is requeued; a single job is retried with
        gradient checkpointing. After any other error, all jobs in the renderer fail.
        """
        jobs = self._slot.started
        if out_of_memory(error) and len(jobs) > 1:
            self._scheduler.remove(self._slot, jobs[-1])
            await self._requeue_for_memory(jobs[-1])
        elif out_of_memory(error) and jobs and not self._renderer.gradient_checkpointing:
            log.warning("out of memory; trying gradient checkpointing", job=jobs[0].id)
            self._renderer.enable_gradient_checkpointing()
            jobs[0].add_notes([Note(NoteCode.LOW_MEMORY)])
        else:
            await self._fail(jobs, error)

    async def _fail(self, jobs: Sequence[RunningJob], error: Exception) -> None:
        for job in jobs:
            self._scheduler.remove(self._slot, job)
        await fail_all(jobs, error)

    async def _requeue_for_memory(self, job: RunningJob) -> None:
        """Requeues a job that did not fit into memory, and accepts no more until others end."""
        self._slot.capacity = self._slot.images
        log.warning("out of memory; fewer images for now", images=self._slot.images, job=job.id)
        await job.requeue()

    # -- other renderers -------------------------------------------------------------------

    async def _move_outgoing(self) -> None:
        """Moves outgoing jobs to their new renderers, with their current state."""
        while self._slot.outgoing:
            job_id, target = self._slot.outgoing.popitem()
            if (job := self._slot.jobs.get(job_id)) and job.started:
                await job.write_checkpoint()
                await job.detach()
                self._scheduler.remove(self._slot, job)
                log.info("job moved", job=job.id, step=job.step)
                await self._scheduler.assign(job.job, target)

    async def _requeue_all(self) -> None:
        """Requeues the jobs of a lost renderer; they resume from their last checkpoints."""
        self._scheduler.remove_slot(self._slot)
        for job in list(self._slot.jobs.values()):
            if self._slot.holds(job):
                self._slot.remove(job)
                await job.requeue(renderer_failed=self._renderer.failed)
        self._renderer.close()
