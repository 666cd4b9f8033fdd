"""Claims: how an engine claims jobs, renews its leases, and finishes or releases jobs.

A claimed job belongs to one engine until its lease runs out. An engine renews its leases with
`heartbeat`; those of a dead engine run out, and `requeue_expired` returns the jobs to the queue.
"""

from collections.abc import Mapping

import aiosqlite

from core.database import job_updates
from core.database.connection import Database
from core.database.image_reviews import record_match
from core.database.queries import query
from core.database.rows import rows_of
from core.image_check import Concept
from core.job import Job, Reason, ReasonCode, State

MAX_ATTEMPTS = 3  #: a job fails if its lease runs out in this attempt
LONGEST_LEASE = 3600.0  #: seconds; no engine requests a longer one


class Claims:
    """Claims by engines. All methods raise StoreError. `engine` names a process, not a machine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, engine: str, lease_seconds: float, model: str | None = None
    ) -> Job | None:
        """Claims the next job for this engine, which renders with `model`; None if there is none.

        Jobs that name another model are left to other engines.
        A job waits while its server is paused, and while its member has `most_running` running jobs
        there.
        """
        now = self._database.now()
        async with self._database.transaction() as db:
            while rows := await rows_of(db, query("next_job"), {"model": model}):
                for job in await job_updates.decode_or_bury(db, rows, now):
                    await _advance_virtual_time(db, job)
                    (claimed,) = await job_updates.claim(
                        db, job.id, engine, now + lease_seconds, now
                    )
                    return claimed
            return None

    async def heartbeat(
        self, engine: str, lease_seconds: float, steps: Mapping[int, int] | None = None
    ) -> set[int]:
        """Renews the leases of all jobs of this engine and records their steps.

        `steps` maps job ids to the last step done; jobs that are no longer this engine's are
        ignored. Returns the ids of its jobs; missing ones were cancelled or taken away.
        """
        now = self._database.now()
        async with self._database.transaction() as db:
            rows = await rows_of(
                db, "SELECT * FROM jobs WHERE state = 'running' AND engine = ?", (engine,)
            )
            jobs = await job_updates.decode_or_bury(db, rows, now)
            held = {job.id for job in jobs}
            await job_updates.set_lease(db, held, now + lease_seconds, now)
            for job_id, step in (steps or {}).items():
                if job_id in held:
                    await job_updates.set_step(db, job_id, step, now)
            return held

    async def held(self, engine: str) -> dict[int, bool]:
        """The ids of this engine's jobs, and whether each should stop now.

        Cheap enough to call at every step.
        """
        async with self._database.read() as db:
            return await _held(db, engine)

    async def finish(
        self,
        job_id: int,
        engine: str,
        state: State,
        reason: Reason | None = None,
        step: int | None = None,
        match: Concept | None = None,
    ) -> bool:
        """Ends a job as done or failed; False, with no change, if it is no longer this engine's.

        It may have been cancelled, or claimed by another engine after the lease ran out. `step` is
        its last step, None if that is not known; `match` is the concept that the image check found.
        """
        if state not in (State.DONE, State.FAILED):
            raise ValueError(f"an engine ends a job as done or failed, not {state}")
        async with self._database.transaction() as db:
            if job_id not in await _held(db, engine):
                return False
            now = self._database.now()
            for job in await job_updates.finish(db, [job_id], state, reason, now, step):
                if match:
                    await record_match(db, job, match, now)
            return True

    async def release(self, job_id: int, engine: str, *, attempt_counts: bool = False) -> bool:
        """Returns a job to its old place in the queue; False if it was not this engine's.

        The attempt does not count by default: the engine is shutting down cleanly.
        """
        async with self._database.transaction() as db:
            if job_id not in await _held(db, engine):
                return False
            await job_updates.requeue(
                db, [job_id], self._database.now(), attempt_counts=attempt_counts
            )
            return True

    async def requeue_expired(self, lease_seconds: float = LONGEST_LEASE) -> list[Job]:
        """Takes back jobs whose lease ran out; returns them as they are now.

        Each returns to its old place in the queue, or fails after the third attempt.

        A lease that ends more than `lease_seconds` from now was given before the clock was set
        back. It is shortened to `lease_seconds`: a running engine renews it and loses nothing,
        however often the clock is set, and a dead one's runs out.
        """
        now = self._database.now()
        latest = now + lease_seconds
        async with self._database.transaction() as db:
            rows = await rows_of(
                db,
                "SELECT * FROM jobs WHERE state = 'running'"
                " AND (lease_until < :now OR lease_until > :latest)",
                {"now": now, "latest": latest},
            )
            jobs = await job_updates.decode_or_bury(db, rows, now)
            too_long = [job.id for job in jobs if (job.lease_until or 0.0) > latest]
            await job_updates.set_lease(db, too_long, latest, now)
            expired = [job for job in jobs if job.id not in too_long]
            spent = [job.id for job in expired if job.attempts >= MAX_ATTEMPTS]
            others = [job.id for job in expired if job.attempts < MAX_ATTEMPTS]
            reason = Reason(ReasonCode.TOO_MANY_ATTEMPTS)
            failed = await job_updates.finish(db, spent, State.FAILED, reason, now)
            return failed + await job_updates.requeue(db, others, now, attempt_counts=True)


async def _held(db: aiosqlite.Connection, engine: str) -> dict[int, bool]:
    sql = "SELECT id, stopping FROM jobs WHERE state = 'running' AND engine = ?"
    return {row["id"]: bool(row["stopping"]) for row in await rows_of(db, sql, (engine,))}


async def _advance_virtual_time(db: aiosqlite.Connection, job: Job) -> None:
    await db.execute(
        "INSERT INTO virtual_time VALUES (?, ?)"
        " ON CONFLICT DO UPDATE SET turn = MAX(turn, excluded.turn)",
        (job.priority, job.turn),
    )
