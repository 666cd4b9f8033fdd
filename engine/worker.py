"""Renders queued jobs on all available renderers."""

import asyncio
import os
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from prometheus_client import Gauge

from core.database.connection import Database
from core.image_check import CheckPolicy
from engine.checked_concepts import CheckedConcepts
from engine.delivery.frame import FrameSink
from engine.leases import Leases
from engine.render_loop import RenderLoop
from engine.renderer_handle import RendererHandle
from engine.renderer_slot import RendererSlot
from engine.running_job import JobServices, RunningJob
from engine.scheduler import Scheduler

STOP_SECONDS = 30.0  #: for finishing the current steps after a signal to stop

RENDERERS = Gauge("imagine_renderers", "Renderers that the engine uses.")


class Worker:
    """One render loop per renderer, with a shared scheduler and shared leases.

    It takes jobs that name `model`, and those that name none.
    """

    def __init__(
        self,
        database: Database,
        frames: FrameSink,
        *,
        data_dir: Path,
        model: str | None = None,
        idle_seconds: float | None = None,
        check: CheckPolicy | None = None,
    ) -> None:
        self._database = database
        self._leases = Leases(database, model)
        # Half of the cores write files; the rest are left for renderers on this machine.
        threads = ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)) // 2), "writer")
        concepts = CheckedConcepts(database, check or CheckPolicy())
        self._services = JobServices(
            self._leases, frames, data_dir, concepts, threads, idle_seconds
        )
        self._scheduler = Scheduler(self._services)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def add_renderer(self, renderer: RendererHandle) -> None:
        """Adds a renderer, which is used until it is lost or the worker stops."""
        slot = RendererSlot(renderer)
        self._scheduler.slots.append(slot)
        RENDERERS.set(self.renderer_count)
        loop = RenderLoop(slot, self._scheduler, self._services, self._database)
        self._start(self._until_lost(loop))

    @property
    def name(self) -> str:
        """The name under which its jobs are leased."""
        return self._leases.owner

    @property
    def renderer_count(self) -> int:
        return len(self._scheduler.slots)

    @property
    def job_count(self) -> int:
        """The number of jobs in renderers."""
        return sum(len(slot.jobs) for slot in self._scheduler.slots)

    @property
    def last_tick(self) -> float:
        """When the slowest render loop last started an iteration, in monotonic seconds."""
        return min((slot.last_tick for slot in self._scheduler.slots), default=time.monotonic())

    async def run(self) -> None:
        """Renders until cancelled; then finishes the current steps and requeues unfinished jobs."""
        heartbeat = self._start(self._leases.keep_renewed(self._steps))
        try:
            await self._failure
        finally:
            self._leases.stopping = True
            if loops := self._tasks - {heartbeat}:
                await asyncio.wait(loops, timeout=STOP_SECONDS)
            for slot in self._scheduler.slots:
                if slot.stopped:
                    for job in slot.started:
                        await job.write_checkpoint()
            if tasks := set(self._tasks):
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            if finishing := self._services.finishing:
                await asyncio.wait(finishing)
            await self._leases.release_all()
            for slot in self._scheduler.slots:
                slot.renderer.close()
            self._services.writer_threads.shutdown(wait=False)

    async def _until_lost(self, loop: RenderLoop) -> None:
        await loop.run()
        RENDERERS.set(self.renderer_count)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts a task. If it fails, the worker fails."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_end)
        return task

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._failure.done():
            self._failure.set_exception(error)

    def _steps(self) -> dict[int, int]:
        return {job.id: job.step for job in self._running()}

    def _running(self) -> Iterator[RunningJob]:
        for slot in self._scheduler.slots:
            yield from slot.started
