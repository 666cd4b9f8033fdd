"""The settings of a server: its moderator role, its log channel, and whether it is paused."""

import sqlite3
from dataclasses import replace

import aiosqlite

from core.columns import optional, required
from core.database.audit_log import record
from core.database.connection import Database
from core.database.host import host_pause
from core.database.interactions import once
from core.database.rows import readable, rows_of
from core.moderation import AuditAction, Guild, Pause


class GuildSettings:
    """The settings of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, guild_id: int | None) -> Guild:
        """The settings of a server; the defaults in direct messages."""
        async with self._database.snapshot() as db:
            return await guild_settings(db, guild_id)

    async def moderator_roles(self) -> dict[int, int]:
        """The moderator role of each server that has one."""
        async with self._database.read() as db:
            rows = await rows_of(db, "SELECT * FROM guilds WHERE moderator_role IS NOT NULL")
        return dict(
            readable(
                "guilds",
                rows,
                lambda row: (
                    required(row, "guild_id", int),
                    required(row, "moderator_role", int),
                ),
            )
        )

    async def set_moderator_role(self, guild_id: int, role_id: int | None, actor_id: int) -> None:
        """Sets the role that may moderate in addition to Manage Messages; None removes it."""
        async with once(self._database) as db:
            await insert_guild(db, guild_id)
            await db.execute(
                "UPDATE guilds SET moderator_role = ? WHERE guild_id = ?", (role_id, guild_id)
            )
            await record(
                db,
                self._database.now(),
                guild_id,
                AuditAction.SET_SETTING,
                actor_id,
                details={"moderator_role": role_id},
            )

    async def set_log_channel(self, guild_id: int, channel_id: int | None, actor_id: int) -> None:
        """Sets the channel that shows the audit log from now on; None for none."""
        async with once(self._database) as db:
            await insert_guild(db, guild_id)
            await db.execute(
                "UPDATE guilds SET log_channel = ? WHERE guild_id = ?", (channel_id, guild_id)
            )
            if channel_id is None:
                await db.execute(
                    "UPDATE audit_log SET to_mirror = 0 WHERE guild_id = ? AND to_mirror = 1",
                    (guild_id,),
                )
            await record(
                db,
                self._database.now(),
                guild_id,
                AuditAction.SET_SETTING,
                actor_id,
                details={"log_channel": channel_id},
            )


async def insert_guild(db: aiosqlite.Connection, guild_id: int) -> None:
    """Inserts a row for a server if it has none."""
    await db.execute("INSERT OR IGNORE INTO guilds (guild_id) VALUES (?)", (guild_id,))


async def guild_settings(db: aiosqlite.Connection, guild_id: int | None) -> Guild:
    """The settings of a server, within an open read. A pause by the host takes precedence."""
    rows = await rows_of(db, "SELECT * FROM guilds WHERE guild_id = ?", (guild_id,))
    found = readable("guilds", rows, _guild)
    guild = found[0] if found else Guild()
    pause = await host_pause(db)
    return replace(guild, pause=pause) if pause else guild


def _guild(row: sqlite3.Row) -> Guild:
    pause = None
    if row["paused_at"] is not None:
        pause = Pause(
            required(row, "paused_at", float),
            required(row, "paused_by", int),
            optional(row, "pause_reason", str),
        )
    return Guild(optional(row, "moderator_role", int), optional(row, "log_channel", int), pause)
