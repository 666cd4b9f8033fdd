"""Weekly digests: which servers want one, and when each is due."""

import math
import sqlite3
from dataclasses import dataclass

from core.columns import required
from core.database.audit_log import record
from core.database.connection import Database
from core.database.guild_settings import insert_guild
from core.database.interactions import once
from core.database.rows import readable, rows_of
from core.database.statistics import WEEK
from core.moderation import AuditAction


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest to post in a server's log channel."""

    guild_id: int
    channel_id: int
    due_at: float
    """In seconds since 1970."""


class WeeklyDigests:
    """The weekly digests of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_enabled(self, guild_id: int, actor_id: int, *, enabled: bool) -> None:
        """Turns a server's digest on or off. The first is due in a week; one due earlier stays."""
        now = self._database.now()
        async with once(self._database) as db:
            await insert_guild(db, guild_id)
            await db.execute(
                "UPDATE guilds SET digest_due_at = CASE WHEN :on"
                " THEN MIN(COALESCE(digest_due_at, :next), :next) END WHERE guild_id = :guild",
                {"on": enabled, "next": now + WEEK, "guild": guild_id},
            )
            details = {"weekly_digest": enabled}
            await record(db, now, guild_id, AuditAction.SET_SETTING, actor_id, details=details)

    async def due(self) -> list[DueDigest]:
        """The digests that are due, of servers that have a log channel; the oldest first."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT guild_id, log_channel, digest_due_at FROM guilds"
                " WHERE digest_due_at <= ? AND log_channel IS NOT NULL ORDER BY digest_due_at",
                (self._database.now(),),
            )
        return readable("guilds", rows, _due)

    async def mark_posted(self, digest: DueDigest) -> None:
        """Sets the server's next digest to the same time in a later week.

        Digests that were missed while the bot was off are skipped.
        """
        weeks = math.floor(max(0.0, self._database.now() - digest.due_at) / WEEK) + 1
        async with self._database.transaction() as db:
            await db.execute(
                "UPDATE guilds SET digest_due_at = ? WHERE guild_id = ? AND digest_due_at = ?",
                (digest.due_at + weeks * WEEK, digest.guild_id, digest.due_at),
            )


def _due(row: sqlite3.Row) -> DueDigest:
    return DueDigest(
        required(row, "guild_id", int),
        required(row, "log_channel", int),
        required(row, "digest_due_at", float),
    )
