"""Halls of fame: channels that show the images that many members have as a favourite.

Triggers (see `migrations/0022_hall_of_fame.sql`) record an image when it reaches the number of
favourites, so each image is shown only once, even if its favourites change later.
"""

import sqlite3
from dataclasses import dataclass

from core.columns import optional, required
from core.database.audit_log import record
from core.database.connection import Database
from core.database.guild_settings import insert_guild
from core.database.interactions import once
from core.database.rows import readable, rows_of
from core.moderation import AuditAction


@dataclass(frozen=True, slots=True)
class HallOfFame:
    """The hall of fame of a server."""

    channel_id: int
    favourites: int
    """How many members must have an image among their favourites."""


@dataclass(frozen=True, slots=True)
class DueImage:
    """A job with images to post in a hall of fame."""

    job_id: int
    channel_id: int
    favourites: int
    """How many members have it among their favourites now."""


class HallsOfFame:
    """The halls of fame of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, guild_id: int) -> HallOfFame | None:
        """The hall of fame of a server, if it has one."""
        async with self._database.read() as db:
            sql = "SELECT hall_channel, hall_favourites FROM guilds WHERE guild_id = ?"
            found = readable("guilds", await rows_of(db, sql, (guild_id,)), _hall)
        return found[0] if found else None

    async def set(self, guild_id: int, hall: HallOfFame | None, actor_id: int) -> None:
        """Sets a server's hall of fame; None removes it.

        It shows images that get a favourite, or are finished, from now on.
        """
        now = self._database.now()
        channel_id, favourites = (hall.channel_id, hall.favourites) if hall else (None, None)
        async with once(self._database) as db:
            await insert_guild(db, guild_id)
            await db.execute(
                "UPDATE guilds SET hall_channel = ?, hall_favourites = ? WHERE guild_id = ?",
                (channel_id, favourites, guild_id),
            )
            await db.execute(
                "UPDATE hall_of_fame SET settled_at = ?"
                " WHERE settled_at IS NULL AND guild_id = ? AND channel_id IS NOT ?",
                (now, guild_id, channel_id),
            )
            details = {"hall_of_fame": channel_id, "favourites": favourites}
            await record(db, now, guild_id, AuditAction.SET_SETTING, actor_id, details=details)

    async def due(self, limit: int = 100) -> list[DueImage]:
        """Images to post, the oldest first, without those that have an open report."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT job_id, channel_id,"
                " (SELECT COUNT(*) FROM favourites WHERE favourites.job_id = hall_of_fame.job_id)"
                " AS favourites FROM hall_of_fame WHERE settled_at IS NULL AND NOT EXISTS"
                " (SELECT 1 FROM reports WHERE reports.job_id = hall_of_fame.job_id"
                " AND verdict IS NULL) ORDER BY job_id LIMIT ?",
                (limit,),
            )
        return readable("hall_of_fame", rows, _due)

    async def settle(self, job_id: int) -> None:
        """Records that an image is posted, or left out for good."""
        async with self._database.transaction() as db:
            await db.execute(
                "UPDATE hall_of_fame SET settled_at = ? WHERE job_id = ?",
                (self._database.now(), job_id),
            )


def _hall(row: sqlite3.Row) -> HallOfFame | None:
    channel_id = optional(row, "hall_channel", int)
    return (
        None
        if channel_id is None
        else HallOfFame(channel_id, required(row, "hall_favourites", int))
    )


def _due(row: sqlite3.Row) -> DueImage:
    return DueImage(
        required(row, "job_id", int),
        required(row, "channel_id", int),
        required(row, "favourites", int),
    )
