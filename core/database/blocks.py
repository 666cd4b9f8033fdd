"""Blocked members."""

import sqlite3

import aiosqlite

from core.columns import optional, required
from core.database import moderation_queue
from core.database.audit_log import record
from core.database.connection import Database
from core.database.interactions import once
from core.database.rows import readable, rows_of
from core.job import Job
from core.moderation import AuditAction, Block


class Blocks:
    """The blocks of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def block(
        self,
        guild_id: int,
        member_id: int,
        *,
        actor_id: int,
        reason: str | None,
        until: float | None,
    ) -> list[Job]:
        """Blocks a member, replacing an older block, and cancels their jobs; returns those.

        `until` is in seconds since 1970, None for a permanent block.
        """
        async with once(self._database) as db:
            return await block_member(
                db,
                self._database.now(),
                guild_id,
                member_id,
                actor_id=actor_id,
                reason=reason,
                until=until,
            )

    async def unblock(self, guild_id: int, member_id: int, actor_id: int) -> bool:
        """Ends a block; returns whether there was one."""
        now = self._database.now()
        async with once(self._database) as db:
            cursor = await db.execute(
                "DELETE FROM blocks WHERE guild_id = ? AND member_id = ?"
                " AND (until IS NULL OR until > ?)",
                (guild_id, member_id, now),
            )
            if cursor.rowcount:
                await record(db, now, guild_id, AuditAction.UNBLOCK, actor_id, target_id=member_id)
            return bool(cursor.rowcount)

    async def active(self, guild_id: int) -> list[Block]:
        """The blocks that have not ended, the newest first."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT * FROM blocks WHERE guild_id = ? AND (until IS NULL OR until > ?)"
                " ORDER BY created_at DESC",
                (guild_id, self._database.now()),
            )
        return readable("blocks", rows, _block)


async def active_block(
    db: aiosqlite.Connection, guild_id: int | None, member_id: int, now: float
) -> Block | None:
    """A member's block, within an open read; None if there is none or it has ended."""
    rows = await rows_of(
        db,
        "SELECT * FROM blocks WHERE guild_id = ? AND member_id = ?"
        " AND (until IS NULL OR until > ?)",
        (guild_id, member_id, now),
    )
    found = readable("blocks", rows, _block)
    return found[0] if found else None


async def block_member(
    db: aiosqlite.Connection,
    now: float,
    guild_id: int,
    member_id: int,
    *,
    actor_id: int,
    reason: str | None,
    until: float | None,
) -> list[Job]:
    """Blocks a member and cancels their jobs, inside an open transaction; returns those."""
    await db.execute(
        "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?)",
        (guild_id, member_id, until, reason, actor_id, now),
    )
    await record(
        db,
        now,
        guild_id,
        AuditAction.BLOCK,
        actor_id,
        target_id=member_id,
        details={"until": until},
        reason=reason,
    )
    return await moderation_queue.cancel_blocked(db, now, guild_id, member_id)


def _block(row: sqlite3.Row) -> Block:
    return Block(
        required(row, "member_id", int),
        optional(row, "until", float),
        optional(row, "reason", str),
        required(row, "blocked_by", int),
    )
