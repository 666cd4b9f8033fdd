"""Delivers frames and outcomes to Discord: queues, pacing, retries.

Frames may be lost: the newest one wins, edits of a message are paced, and an error costs one frame.
Outcomes may not: ended jobs are read from the database and posted until Discord has accepted them,
even after a restart. Edits are idempotent; a new message has a nonce, by which Discord recognises
duplicates.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

import discord
import structlog
from prometheus_client import Counter

from core.database.connection import Database
from core.database.errors import StoreError
from core.database.jobs import Jobs
from core.job import DeadLetter, Job
from core.settings import Settings
from engine.delivery.frame import Frame
from engine.delivery.message_writer import MessageWriter
from engine.delivery.rest import (
    TokenRefusedError,
    is_temporary,
    is_token_refused,
    retry_delays,
    token_refused,
)

log = structlog.stdlib.get_logger(__name__)

FRAMES = Counter(
    "imagine_frames",
    "Frames by what happened to them: shown, overtaken by a newer one, or dropped.",
    ["fate"],
)


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of the poster, in seconds."""

    per_message: float = 1.5  # between two frames of one message
    per_channel: float = 1.0  # between two edits in one channel (Discord's old limit: 5 in 5 s)
    poll: float = 1.0  # between two queries for outcomes that were not announced


class ChannelPace:
    """Spreads edits over time, separately for each channel."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next: dict[int, float] = {}
        """When each recently edited channel may be edited again."""

    async def wait(self, channel_id: int) -> None:
        """Waits until this channel may be edited, and reserves that moment."""
        now = time.monotonic()
        self._next = {channel: at for channel, at in self._next.items() if at > now}
        moment = self._next.get(channel_id, now)
        self._next[channel_id] = moment + self._seconds
        await asyncio.sleep(moment - now)


@dataclass(slots=True)
class _Outbox:
    """A job's newest unshown frame, and the task that shows frames."""

    job: Job
    frame: Frame | None = None
    task: asyncio.Task[None] | None = None
    not_before: float = 0.0
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the message is written, so that no frame lands after the outcome."""


class Poster:
    """A `FrameSink` that shows jobs in their channels while `run` runs."""

    def __init__(
        self,
        writer: MessageWriter,
        database: Database,
        settings: Settings,
        pace: Pace | None = None,
    ) -> None:
        self._writer = writer
        self._jobs = Jobs(database)
        self._settings = settings
        self._pace = pace or Pace()
        self._channels = ChannelPace(self._pace.per_channel)
        self._outboxes: dict[int, _Outbox] = {}
        self._deliveries: dict[int, asyncio.Task[None]] = {}
        self._frame_offered = asyncio.Event()
        self._job_ended = asyncio.Event()

    def show_frame(self, job: Job, frame: Frame) -> None:
        if job.id not in self._deliveries:
            outbox = self._outboxes.setdefault(job.id, _Outbox(job))
            if outbox.frame:
                FRAMES.labels("overtaken").inc()
            outbox.frame = frame
            self._frame_offered.set()

    def drop_frames(self, job: Job) -> None:
        if outbox := self._outboxes.pop(job.id, None):
            outbox.frame = None

    def job_ended(self) -> None:
        self._job_ended.set()

    async def run(self) -> None:
        """Delivers until cancelled. Raises TokenRefusedError once Discord refuses the token."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch_frames(tasks))
                tasks.create_task(self._watch_outcomes(tasks))
        except* TokenRefusedError:
            pass
        else:
            return
        raise token_refused(self._settings)

    async def drain(self) -> None:
        """Returns once every outcome has been shown."""
        while await self._unposted():
            self._job_ended.set()
            await asyncio.sleep(0.1)

    # -- frames ----------------------------------------------------------------------------

    async def _watch_frames(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            await self._frame_offered.wait()
            self._frame_offered.clear()
            for outbox in self._outboxes.values():
                idle = outbox.task is None or outbox.task.done()
                if outbox.frame and idle:
                    outbox.task = tasks.create_task(self._show_frames(outbox))

    async def _show_frames(self, outbox: _Outbox) -> None:
        """Shows a job's newest frame, repeatedly, until there is none."""
        while outbox.frame:
            await asyncio.sleep(outbox.not_before - time.monotonic())
            await self._channels.wait(outbox.job.channel_id)
            async with outbox.writing:
                frame, outbox.frame = outbox.frame, None
                if frame and await self._show_or_drop(outbox.job.id, frame):
                    outbox.not_before = time.monotonic() + self._pace.per_message

    async def _show_or_drop(self, job_id: int, frame: Frame) -> bool:
        """Returns whether an edit was tried: then the next one has to wait."""
        try:
            if not await self._writer.show_frame(job_id, frame):
                return False
            FRAMES.labels("shown").inc()
        except Exception as error:
            FRAMES.labels("dropped").inc()
            self._raise_if_token_refused(error)
            if is_temporary(error) or isinstance(error, (discord.HTTPException, StoreError)):
                log.warning("frame dropped", job=job_id, error=str(error))
            else:
                log.exception("frame dropped", job=job_id)
        return True

    # -- outcomes --------------------------------------------------------------------------

    async def _watch_outcomes(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            self._job_ended.clear()
            try:
                for job in await self._unposted():
                    if job.id not in self._deliveries:
                        self._deliveries[job.id] = tasks.create_task(self._deliver(job))
            except StoreError as error:
                log.warning("the outcomes cannot be read, trying again", error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.poll):
                    await self._job_ended.wait()

    async def _unposted(self) -> list[Job | DeadLetter]:
        return [*await self._jobs.unposted(), *await self._jobs.unposted_dead_letters()]

    async def _deliver(self, job: Job | DeadLetter) -> None:
        """Shows an outcome, however long it takes."""
        outbox = self._outboxes.pop(job.id, None)
        if outbox:
            outbox.frame = None
        async with outbox.writing if outbox else asyncio.Lock():
            for delay in retry_delays():
                try:
                    await self._channels.wait(job.channel_id)
                    if isinstance(job, DeadLetter):
                        await self._writer.show_dead_letter(job)
                    else:
                        await self._writer.show_outcome(job.id)
                    break
                except Exception as error:
                    await asyncio.sleep(self._delay_after(error, job, delay))
        del self._deliveries[job.id]

    def _delay_after(self, error: Exception, job: Job | DeadLetter, delay: float) -> float:
        """Seconds until an outcome that could not be shown is tried again."""
        self._raise_if_token_refused(error)
        if isinstance(error, discord.RateLimited):
            delay = max(delay, error.retry_after)
        expected = is_temporary(error) or isinstance(error, StoreError)
        log.warning(
            "an outcome could not be shown, trying again",
            job=job.id,
            error=str(error) or type(error).__name__,
            next_try_in=round(delay, 1),
            exc_info=None if expected else error,
        )
        return delay

    def _raise_if_token_refused(self, error: Exception) -> None:
        if is_token_refused(error):
            raise token_refused(self._settings) from error
