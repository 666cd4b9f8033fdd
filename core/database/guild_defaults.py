"""The defaults of servers and of their channels."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import aiosqlite

from core.columns import optional, required
from core.database.audit_log import record
from core.database.connection import Database
from core.database.interactions import once
from core.database.rows import readable, rows_of
from core.defaults import Defaults, merged
from core.moderation import AuditAction

WHOLE_GUILD = 0
"""The channel id for the defaults of the whole server."""


class GuildDefaults:
    """The defaults of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, guild_id: int, channel_id: int = WHOLE_GUILD) -> Defaults:
        """The defaults of just this channel, or of the server."""
        return await self._merged(guild_id, [channel_id])

    async def within(self, guild_id: int | None, channels: Sequence[int]) -> Defaults:
        """The defaults that apply in a channel: its own, those of its parents, the server's.

        `channels` are its id and those of its parents, the closest first.
        """
        return await self._merged(guild_id, [*channels, WHOLE_GUILD])

    async def change(
        self,
        guild_id: int,
        channel_id: int,
        changes: Mapping[str, Any],
        actor_id: int,
        *,
        clear: bool = False,
    ) -> Defaults:
        """Changes defaults of a channel, or of the server, and returns all that are set for it.

        The others are read in the same transaction, so that of changes made at the same time, none
        is lost; `clear` removes them.
        """
        async with once(self._database) as db:
            before = await _stored(db, guild_id, [channel_id])
            after = replace(Defaults() if clear else before, **changes)
            if after != before:
                await _replace(db, guild_id, channel_id, after)
                await record(
                    db,
                    self._database.now(),
                    guild_id,
                    AuditAction.SET_SETTING,
                    actor_id,
                    details={"defaults": asdict(after), "channel": channel_id or None},
                )
        return after

    async def _merged(self, guild_id: int | None, channels: Sequence[int]) -> Defaults:
        async with self._database.read() as db:
            return await _stored(db, guild_id, channels)


async def _stored(
    db: aiosqlite.Connection, guild_id: int | None, channels: Sequence[int]
) -> Defaults:
    rows = await rows_of(
        db,
        "SELECT guild_defaults.* FROM json_each(?) AS requested JOIN guild_defaults"
        " ON guild_id = ? AND channel_id = requested.value ORDER BY requested.key",
        (json.dumps(list(channels)), guild_id),
    )
    return merged(readable("guild_defaults", rows, _defaults))


async def _replace(
    db: aiosqlite.Connection, guild_id: int, channel_id: int, defaults: Defaults
) -> None:
    key = (guild_id, channel_id)
    await db.execute("DELETE FROM guild_defaults WHERE guild_id = ? AND channel_id = ?", key)
    if defaults != Defaults():
        await db.execute(
            "INSERT INTO guild_defaults VALUES (:guild, :channel, :size, :steps, :preset,"
            " :exclude, :count, :model)",
            {"guild": guild_id, "channel": channel_id} | asdict(defaults),
        )


def _defaults(row: sqlite3.Row) -> Defaults:
    required(row, "channel_id", int)
    return Defaults(
        optional(row, "size", str),
        optional(row, "steps", int),
        optional(row, "preset", str),
        optional(row, "exclude", str),
        optional(row, "count", int),
        optional(row, "model", str),
    )
