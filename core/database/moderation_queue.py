"""A server's queue, for its moderators."""

from collections.abc import Mapping

import aiosqlite

from core.database import job_updates
from core.database.audit_log import record
from core.database.connection import Database
from core.database.dead_letters import readable_jobs
from core.database.guild_settings import insert_guild
from core.database.interactions import once
from core.database.queries import query
from core.database.rows import rows_of, value_of
from core.job import Job, Reason, ReasonCode
from core.moderation import AuditAction


class ModerationQueue:
    """The queues of all servers, for their moderators. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        guild_id: int,
        *,
        member_id: int | None = None,
        channel_id: int | None = None,
        limit: int = 25,
        offset: int = 0,
    ) -> tuple[int, list[Job]]:
        """The number of a server's running and waiting jobs, and a page of them in that order."""
        values = {"guild_id": guild_id, "member_id": member_id, "channel_id": channel_id}
        async with self._database.snapshot() as db:
            running = await rows_of(db, query("running_in_guild"), values)
            waiting = await _waiting_count(db, values)
            rows = running[offset : offset + limit]
            rows += await rows_of(
                db,
                query("waiting_in_guild" if member_id is None else "waiting_of_member"),
                values | {"limit": limit - len(rows), "offset": max(0, offset - len(running))},
            )
        jobs = await readable_jobs(self._database, rows)
        return len(running) + waiting, jobs

    async def cancel(
        self, guild_id: int, job_id: int, *, actor_id: int, reason: Reason, why: str | None
    ) -> Job | None:
        """Cancels a running or waiting job of the server; None if there is no such job.

        `why` is what the moderator wrote, `reason` what the member reads.
        """
        return await self._cancel(guild_id, job_id, AuditAction.CANCEL, actor_id, reason, why)

    async def remove(
        self, guild_id: int, job_id: int, *, actor_id: int, reason: Reason, why: str | None
    ) -> Job | None:
        """Like `cancel`, but only for a waiting job."""
        return await self._cancel(guild_id, job_id, AuditAction.REMOVE, actor_id, reason, why)

    async def clear(
        self,
        guild_id: int,
        *,
        actor_id: int,
        member_id: int | None = None,
        channel_id: int | None = None,
    ) -> list[Job]:
        """Cancels all running and waiting jobs of the server, of a member or of a channel."""
        now = self._database.now()
        values = {"guild_id": guild_id, "member_id": member_id, "channel_id": channel_id}
        async with once(self._database) as db:
            jobs = await job_updates.cancel(
                db, await _live_ids(db, values), Reason(ReasonCode.QUEUE_CLEARED), now
            )
            for job in jobs:
                await _record(db, now, guild_id, AuditAction.CLEAR, actor_id, job)
        return jobs

    async def move_up(self, guild_id: int, job_id: int, actor_id: int) -> Job | None:
        """Makes a waiting job the server's next one; None if it is not waiting there.

        Jobs of other servers that are at least a turn ahead stay ahead.
        """
        now = self._database.now()
        async with once(self._database) as db:
            waiting = await rows_of(
                db,
                "SELECT * FROM jobs WHERE id = ? AND guild_id = ? AND state = 'queued'",
                (job_id, guild_id),
            )
            if not await job_updates.decode_or_bury(db, waiting, now):
                return None
            first = await _first_waiting(db, guild_id, now)
            turn = first.turn - (first.id != job_id)
            (job,) = await job_updates.set_place(db, job_id, first.priority, turn, now)
            await _record(db, now, guild_id, AuditAction.MOVE_UP, actor_id, job)
            return job

    async def pause(self, guild_id: int, actor_id: int, reason: str | None) -> None:
        """Pauses a server; its running jobs return to their old places in the queue."""
        now = self._database.now()
        async with once(self._database) as db:
            await insert_guild(db, guild_id)
            await db.execute(
                "UPDATE guilds SET paused_at = ?, paused_by = ?, pause_reason = ?"
                " WHERE guild_id = ?",
                (now, actor_id, reason, guild_id),
            )
            running = await rows_of(
                db, "SELECT id FROM jobs WHERE state = 'running' AND guild_id = ?", (guild_id,)
            )
            await job_updates.requeue(db, [row["id"] for row in running], now, attempt_counts=False)
            await record(db, now, guild_id, AuditAction.PAUSE, actor_id, reason=reason)

    async def resume(self, guild_id: int, actor_id: int) -> bool:
        """Ends the pause; returns whether there was one."""
        async with once(self._database) as db:
            cursor = await db.execute(
                "UPDATE guilds SET paused_at = NULL, paused_by = NULL, pause_reason = NULL"
                " WHERE guild_id = ? AND paused_at IS NOT NULL",
                (guild_id,),
            )
            if cursor.rowcount:
                await record(db, self._database.now(), guild_id, AuditAction.RESUME, actor_id)
            return bool(cursor.rowcount)

    async def _cancel(
        self,
        guild_id: int,
        job_id: int,
        action: AuditAction,
        actor_id: int,
        reason: Reason,
        why: str | None,
    ) -> Job | None:
        now = self._database.now()
        async with once(self._database) as db:
            rows = await rows_of(
                db,
                "SELECT id FROM jobs WHERE id = :job_id AND guild_id = :guild_id"
                " AND (state = 'queued' OR NOT :only_waiting)",
                {
                    "job_id": job_id,
                    "guild_id": guild_id,
                    "only_waiting": action is AuditAction.REMOVE,
                },
            )
            jobs = await job_updates.cancel(db, [row["id"] for row in rows], reason, now)
            for job in jobs:
                await _record(db, now, guild_id, action, actor_id, job, why)
            return jobs[0] if jobs else None


async def cancel_blocked(
    db: aiosqlite.Connection, now: float, guild_id: int, member_id: int
) -> list[Job]:
    """Cancels all jobs of a member, inside the transaction that blocks them."""
    values = {"guild_id": guild_id, "member_id": member_id, "channel_id": None}
    return await job_updates.cancel(
        db, await _live_ids(db, values), Reason(ReasonCode.MEMBER_BLOCKED), now
    )


async def _live_ids(db: aiosqlite.Connection, values: Mapping[str, int | None]) -> list[int]:
    """The ids of a server's running and waiting jobs, or only of one member or channel."""
    waiting = query("waiting_in_guild" if values["member_id"] is None else "waiting_of_member")
    rows = await rows_of(db, query("running_in_guild"), values)
    rows += await rows_of(db, waiting, {**values, "limit": -1, "offset": 0})
    return [row["id"] for row in rows]


async def _first_waiting(db: aiosqlite.Connection, guild_id: int, now: float) -> Job:
    """The first of a server's waiting jobs; at least one must be readable."""
    values = {"guild_id": guild_id, "channel_id": None, "limit": 1, "offset": 0}
    while True:
        rows = await rows_of(db, query("waiting_in_guild"), values)
        for job in await job_updates.decode_or_bury(db, rows, now):
            return job


async def _waiting_count(db: aiosqlite.Connection, values: Mapping[str, int | None]) -> int:
    """How many jobs of a server are waiting. Reads the rollup unless there is a filter."""
    if values["member_id"] is not None:
        sql = query("waiting_of_member_count")
    elif values["channel_id"] is not None:
        sql = query("waiting_in_channel_count")
    else:
        sql = "SELECT TOTAL(jobs) FROM queue_buckets WHERE guild_id = :guild_id AND level = 2"
    return int(await value_of(db, sql, values))


async def _record(
    db: aiosqlite.Connection,
    now: float,
    guild_id: int,
    action: AuditAction,
    actor_id: int,
    job: Job,
    why: str | None = None,
) -> None:
    await record(
        db, now, guild_id, action, actor_id, target_id=job.member_id, job_id=job.id, reason=why
    )
