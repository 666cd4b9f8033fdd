"""What the host sets for all servers: a pause, and notices."""

import sqlite3

import aiosqlite

from core.columns import optional, required
from core.database import job_updates
from core.database.connection import Database
from core.database.interactions import once
from core.database.rows import readable, rows_of
from core.moderation import Pause

NOTICE_SECONDS = 86_400.0  #: how long the servers that a notice has reached are remembered


class Host:
    """The host's settings. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pause(self, actor_id: int, reason: str | None) -> None:
        """Pauses all servers; running jobs return to their old places in the queue."""
        now = self._database.now()
        async with once(self._database) as db:
            await db.execute(
                "INSERT OR REPLACE INTO host_pause VALUES (1, ?, ?, ?)", (now, actor_id, reason)
            )
            running = await rows_of(db, "SELECT id FROM jobs WHERE state = 'running'")
            await job_updates.requeue(db, [row["id"] for row in running], now, attempt_counts=False)

    async def resume(self) -> bool:
        """Ends the pause; returns whether there was one."""
        async with once(self._database) as db:
            return bool((await db.execute("DELETE FROM host_pause")).rowcount)

    async def reached(self, notice_id: int) -> set[int]:
        """The servers that a notice has reached."""
        async with self._database.read() as db:
            rows = await rows_of(
                db, "SELECT guild_id FROM notices_sent WHERE notice_id = ?", (notice_id,)
            )
        return {row["guild_id"] for row in rows}

    async def record_notice(self, notice_id: int, guild_id: int) -> None:
        """Records that a notice has reached a server."""
        now = self._database.now()
        async with self._database.transaction() as db:
            await db.execute("DELETE FROM notices_sent WHERE sent_at < ?", (now - NOTICE_SECONDS,))
            await db.execute(
                "INSERT OR IGNORE INTO notices_sent VALUES (?, ?, ?)", (notice_id, guild_id, now)
            )


async def host_pause(db: aiosqlite.Connection) -> Pause | None:
    """The pause of all servers, within an open read; None if there is none."""
    rows = await rows_of(db, "SELECT * FROM host_pause")
    found = readable("host_pause", rows, _pause)
    return found[0] if found else None


def _pause(row: sqlite3.Row) -> Pause:
    return Pause(
        required(row, "paused_at", float),
        required(row, "paused_by", int),
        optional(row, "reason", str),
        everywhere=True,
    )
