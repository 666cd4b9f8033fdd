"""Assigns jobs to renderers.

The decisions are pure functions of the slots; `Scheduler` claims jobs and carries them out.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from core.database.errors import StoreError
from core.job import Job
from engine import leases
from engine.renderer_slot import RendererSlot
from engine.running_job import JobServices, RunningJob

log = structlog.stdlib.get_logger(__name__)

POLL_SECONDS = 0.1  #: between claims from an empty queue, each of which takes 0.2 ms
WORTH_MOVING_SECONDS = 5.0  #: a job must have this much left to be moved to an idle renderer


@dataclass(frozen=True, slots=True)
class Move:
    job: RunningJob
    source: RendererSlot
    target: RendererSlot


def place(slots: Sequence[RendererSlot], job: Job) -> RendererSlot | None:
    """The slot with the most free memory for a job, then the most free capacity.

    A full slot is chosen only if all are full. None if there are no slots.
    """
    candidates = [slot for slot in slots if slot.free > 0] or slots

    def room(slot: RendererSlot) -> tuple[float, int]:
        return slot.renderer.headroom(job.recipe) - len(slot.pending), slot.free

    return max(candidates, key=room, default=None)


def rebalance(slots: Sequence[RendererSlot]) -> Move | None:
    """A move of a job from the renderer with the most jobs to one without jobs.

    The job with the highest remaining cost moves, unless it is nearly done. One move at a time.
    """
    target = next((slot for slot in slots if slot.free > 0 and not slot.jobs), None)
    source = max(slots, key=lambda slot: len(slot.started), default=None)
    if target is None or source is None or any(slot.outgoing for slot in slots):
        return None
    if len(source.started) < 2:
        return None
    job = max(source.started, key=lambda job: job.cost_left)
    if (source.seconds_left(job) or 0.0) < WORTH_MOVING_SECONDS:
        return None
    return Move(job, source, target) if target.renderer.headroom(job.recipe) >= 1 else None


def holder(slots: Sequence[RendererSlot], job_id: int) -> RendererSlot | None:
    return next((slot for slot in slots if job_id in slot.jobs), None)


class Scheduler:
    """Claims jobs while there is room for them, and assigns each to a renderer."""

    def __init__(self, services: JobServices) -> None:
        self.slots: list[RendererSlot] = []
        self._services = services
        self._claiming = asyncio.Lock()
        self._next_claim = 0.0

    async def admit(self) -> None:
        """Claims as many jobs as there is room for; polls an empty queue every POLL_SECONDS.

        Every render loop calls this, and may claim jobs for the others.
        """
        async with self._claiming:
            while time.monotonic() >= self._next_claim and any(s.free > 0 for s in self.slots):
                try:
                    job = await self._services.leases.claim()
                except StoreError as error:
                    log.warning("no job can be claimed, trying again", error=str(error))
                    self._next_claim = time.monotonic() + leases.RETRY_SECONDS
                    return
                if job is None:
                    self._next_claim = time.monotonic() + POLL_SECONDS
                    self._plan_move()
                    return
                await self.assign(job)

    async def assign(self, job: Job, slot: RendererSlot | None = None) -> None:
        """Assigns a claimed job to a slot, or to the best one if that slot is gone."""
        if stale := holder(self.slots, job.id):
            # We lost the job and claimed it again before its loop noticed.
            stale_job = stale.jobs[job.id]
            self.remove(stale, stale_job)
            await stale_job.detach()
        chosen = slot if slot in self.slots else place(self.slots, job)
        if chosen:
            chosen.enqueue(RunningJob(job, self._services))
        else:
            await self._services.leases.release(job.id)

    def remove(self, slot: RendererSlot, job: RunningJob) -> None:
        """Removes a job from its slot, which makes room for another."""
        slot.remove(job)
        self._next_claim = 0.0

    def remove_slot(self, slot: RendererSlot) -> None:
        self.slots.remove(slot)
        self._next_claim = 0.0

    async def wait(self, slot: RendererSlot) -> None:
        """Waits until an idle slot gets a job, or the next claim is due."""
        slot.wakeup.clear()
        seconds = self._next_claim - time.monotonic() if slot.free > 0 else POLL_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await slot.wakeup.wait()

    def _plan_move(self) -> None:
        if move := rebalance(self.slots):
            move.source.outgoing[move.job.id] = move.target
