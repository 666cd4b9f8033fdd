"""Leases: the engine claims jobs, renews their leases, and releases or finishes them.

A lease that is not renewed expires, and another engine takes the job. So a crash loses no job.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from core.database.claims import Claims
from core.database.connection import Database
from core.database.errors import StoreError
from core.image_check import Concept
from core.job import Job, Reason, State

log = structlog.stdlib.get_logger(__name__)

LEASE_SECONDS = 20.0
HEARTBEAT_SECONDS = 5.0
RETRY_SECONDS = 2.0  #: between attempts while the database is locked or full


class Leases:
    """The leases of one engine process, which renders with one model."""

    def __init__(self, database: Database, model: str | None = None) -> None:
        self._model = model
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopping = False
        """Whether to give up on changes that the database rejects, instead of retrying."""
        self._claims = Claims(database)
        self._query: asyncio.Task[dict[int, bool]] | None = None
        self._querying = asyncio.Lock()

    async def claim(self) -> Job | None:
        """Claims the next job in the queue. Raises StoreError."""
        return await self._claims.claim(self.owner, LEASE_SECONDS, self._model)

    async def owned(self) -> dict[int, bool]:
        """Our jobs, and whether each should finish early. Raises StoreError.

        Concurrent callers share one query, which starts after they have called.
        """
        if self._query is None:
            self._query = asyncio.create_task(self._query_owned())
        return await asyncio.shield(self._query)

    async def _query_owned(self) -> dict[int, bool]:
        async with self._querying:
            self._query = None  # later callers must not get an outdated result
            return await self._claims.held(self.owner)

    async def release(self, job_id: int, *, attempt_counts: bool = False) -> bool:
        """Returns a job to its place in the queue."""
        release = partial(self._claims.release, job_id, self.owner, attempt_counts=attempt_counts)
        return await self._retry_until_recorded(release)

    async def finish(
        self,
        job_id: int,
        state: State,
        reason: Reason | None,
        step: int,
        match: Concept | None = None,
    ) -> bool:
        """Records how a job ended, at which step, and what the image check found.

        Returns False if the job was no longer ours.
        """
        finish = partial(self._claims.finish, job_id, self.owner, state, reason, step, match)
        return await self._retry_until_recorded(finish)

    async def keep_renewed(self, steps: Callable[[], dict[int, int]]) -> None:
        """Renews our leases until cancelled, and requeues the jobs of dead engines.

        `steps` returns the current step of each of our jobs, which is recorded.
        """
        while True:
            try:
                await self._claims.heartbeat(self.owner, LEASE_SECONDS, steps())
                for job in await self._claims.requeue_expired(LEASE_SECONDS):
                    log.warning("another engine lost a job", job=job.id, state=job.state.value)
            except StoreError as error:
                log.warning("leases cannot be renewed, trying again", error=str(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def release_all(self) -> None:
        """Releases all jobs that we still own."""
        try:
            for job_id in await self._claims.held(self.owner):
                await self._claims.release(job_id, self.owner)
                log.info("job released", job=job_id)
        except StoreError as error:
            log.warning("jobs cannot be released, their leases will expire", error=str(error))

    async def _retry_until_recorded(self, change: Callable[[], Awaitable[bool]]) -> bool:
        """Returns False if the change did not apply, or could not be recorded before we stopped.

        In the latter case, the job is rendered again once its lease has expired.
        """
        while True:
            try:
                return await change()
            except StoreError as error:
                log.warning("a job's state cannot be recorded, trying again", error=str(error))
                if self.stopping:
                    return False
                await asyncio.sleep(RETRY_SECONDS)
