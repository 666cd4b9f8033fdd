"""The queue as members see it: positions, waits, and running jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiosqlite

from core.database.connection import Database
from core.database.dead_letters import readable_jobs
from core.database.queries import query
from core.database.rows import rows_of, value_of
from core.job import Job

MEASURED_JOBS = 20  #: finished jobs from which the wait is estimated


@dataclass(frozen=True, slots=True)
class QueueStats:
    """The queue in numbers."""

    waiting: int
    running: int
    unposted: int
    """Jobs that ended and are not posted yet."""
    oldest: float | None
    """When the oldest waiting job was created, in seconds since 1970."""


class JobQueue:
    """The queue of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def position(self, job_id: int) -> int | None:
        """The position of a waiting job, 1 = next; None if it is not waiting.

        Jobs of paused servers only count as ahead of jobs of the same server. Jobs for other models
        don't count as ahead of a job that names its model.
        """
        async with self._database.snapshot() as db:
            if (job := await _waiting_job(db, job_id)) is None:
                return None
            jobs, _ = await _ahead(db, job)
            return 1 + jobs

    async def wait_seconds(self, job_id: int) -> float | None:
        """The estimated time until a waiting job is claimed, from the speed of the latest jobs.

        None if it is not waiting, no job has finished yet, or it is paused.
        """
        async with self._database.snapshot() as db:
            if (job := await _waiting_job(db, job_id)) is None:
                return None
            if (seconds_per_work := await _seconds_per_work(db, job["model"])) is None:
                return None
            if await _is_paused(db, job["guild_id"]):
                return None
            _, work = await _ahead(db, job)
            running = await value_of(
                db,
                "SELECT TOTAL(work * (1 - 1.0 * step / steps)) FROM jobs WHERE state = 'running'"
                " AND (:model IS NULL OR model IS NULL OR model = :model)",
                job,
            )
            return (work + float(running)) * seconds_per_work

    async def waiting(self, limit: int = 25, offset: int = 0) -> list[Job]:
        """Waiting jobs in claim order, including those that may not run now."""
        return await self._read(
            "SELECT * FROM jobs WHERE state = 'queued'"
            " ORDER BY priority DESC, turn, id LIMIT :limit OFFSET :offset",
            {"limit": limit, "offset": offset},
        )

    async def running(self) -> list[Job]:
        """Running jobs, in the order in which they were claimed."""
        return await self._read(
            "SELECT * FROM jobs WHERE state = 'running' ORDER BY started_at, id", {}
        )

    async def by_member(self, member_id: int) -> list[Job]:
        """A member's running jobs, then their waiting ones in claim order."""
        return await self._read(query("by_member"), {"member_id": member_id})

    async def waiting_count(self) -> int:
        """How many jobs are waiting."""
        return (await self.stats()).waiting

    async def unpaused_count(self) -> int:
        """How many waiting jobs are not paused."""
        async with self._database.read() as db:
            return int(
                await value_of(
                    db,
                    "SELECT TOTAL(CASE guild_id WHEN 0 THEN jobs ELSE -jobs END)"
                    " FROM queue_buckets WHERE level = 2 AND (guild_id = 0 OR guild_id IN"
                    " (SELECT guild_id FROM guilds WHERE paused_at IS NOT NULL))"
                    " AND NOT EXISTS (SELECT 1 FROM host_pause)",
                )
            )

    async def stats(self) -> QueueStats:
        """The queue in numbers."""
        async with self._database.read() as db:
            (row,) = await rows_of(db, query("queue_stats"))
        return QueueStats(int(row["waiting"]), row["running"], row["unposted"], row["oldest"])

    async def _read(self, sql: str, values: Mapping[str, int]) -> list[Job]:
        async with self._database.read() as db:
            rows = await rows_of(db, sql, values)
        return await readable_jobs(self._database, rows)


_Place = Mapping[str, Any]
"""Where a job waits: its id, priority, turn, guild_id and model."""


async def _waiting_job(db: aiosqlite.Connection, job_id: int) -> _Place | None:
    rows = await rows_of(
        db,
        "SELECT id, priority, turn, guild_id, model FROM jobs WHERE id = ? AND state = 'queued'",
        (job_id,),
    )
    return dict(rows[0]) if rows else None


async def _ahead(db: aiosqlite.Connection, job: _Place) -> tuple[int, float]:
    """How many jobs are ahead of a waiting one, and their work."""
    sql = query("ahead_for_model" if job["model"] else "ahead")
    (row,) = await rows_of(db, sql, job)
    return int(row["jobs"]), row["work"]


async def _is_paused(db: aiosqlite.Connection, guild_id: int | None) -> bool:
    sql = (
        "SELECT 1 FROM guilds WHERE guild_id = ? AND paused_at IS NOT NULL"
        " UNION ALL SELECT 1 FROM host_pause"
    )
    return bool(await rows_of(db, sql, (guild_id,)))


async def _seconds_per_work(db: aiosqlite.Connection, model: str | None) -> float | None:
    """Seconds per pixel-step, counting only the time in which any engine was busy.

    With `model`, from jobs that name it or none.
    """
    rows = await rows_of(
        db,
        "SELECT started_at, finished_at, work FROM jobs"
        " WHERE state = 'done' AND kind = 'image' AND work > 0 AND typeof(work) = 'integer'"
        " AND typeof(started_at) = 'real' AND typeof(finished_at) = 'real'"  # else damaged
        " AND (:model IS NULL OR model IS NULL OR model = :model)"
        " ORDER BY finished_at DESC LIMIT :limit",
        {"model": model, "limit": MEASURED_JOBS},
    )
    if not rows:
        return None
    busy, until = 0.0, float("-inf")  # jobs run in parallel: count no second twice
    for row in sorted(rows, key=lambda row: row["started_at"]):
        busy += max(0.0, row["finished_at"] - max(row["started_at"], until))
        until = max(until, row["finished_at"])
    return busy / int(sum(row["work"] for row in rows))
