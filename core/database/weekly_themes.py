"""Weekly themes: which servers vote for one, when the next vote is due, and which are open."""

import json
import sqlite3
from dataclasses import dataclass

from core.columns import optional, required
from core.database.audit_log import record
from core.database.connection import Database
from core.database.interactions import once
from core.database.rows import readable, rows_of
from core.database.statistics import WEEK
from core.moderation import AuditAction

MAX_HOURS = 6 * 24
"""The longest time that a vote is open, so that a part of its week is left for the theme."""


@dataclass(frozen=True, slots=True)
class ThemeSettings:
    """How a server votes for its themes."""

    channel_id: int
    hours: int
    """How long a vote is open."""
    own_themes: tuple[str, ...] = ()
    """The server's own themes."""


@dataclass(frozen=True, slots=True)
class DueVote:
    """A vote to start."""

    guild_id: int
    settings: ThemeSettings
    due_at: float
    """In seconds since 1970."""
    last_theme: str | None
    """The theme of the week before."""


@dataclass(frozen=True, slots=True)
class ClosedVote:
    """A vote that is over, with a result to announce."""

    guild_id: int
    channel_id: int
    message_id: int
    """The message with the poll."""
    closed_at: float
    """In seconds since 1970."""
    next_at: float
    """When the next vote is due."""


class WeeklyThemes:
    """The weekly themes of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, guild_id: int, settings: ThemeSettings | None, actor_id: int) -> None:
        """Has a server vote from now on; None for no more votes, which also drops an open one.

        However often this changes, no two votes start in the same week.
        """
        now = self._database.now()
        channel_id = settings.channel_id if settings else None
        async with once(self._database) as db:
            if settings is None:
                await db.execute(
                    "UPDATE weekly_themes SET channel_id = NULL,"
                    " poll_channel = NULL, poll_message = NULL, closes_at = NULL"
                    " WHERE guild_id = ?",
                    (guild_id,),
                )
            else:
                await db.execute(
                    "INSERT INTO weekly_themes (guild_id, channel_id, hours, own_themes, due_at)"
                    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (guild_id) DO UPDATE SET"
                    " channel_id = excluded.channel_id, hours = excluded.hours,"
                    " own_themes = excluded.own_themes, due_at = max(due_at, excluded.due_at)",
                    (guild_id, channel_id, settings.hours, json.dumps(settings.own_themes), now),
                )
            details = {"weekly_theme": channel_id}
            await record(db, now, guild_id, AuditAction.SET_SETTING, actor_id, details=details)

    async def due(self) -> list[DueVote]:
        """The votes to start, the oldest first; none in a server with an open vote."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT * FROM weekly_themes WHERE due_at <= ? AND channel_id IS NOT NULL"
                " AND poll_message IS NULL ORDER BY due_at",
                (self._database.now(),),
            )
        return readable("weekly_themes", rows, _due)

    async def mark_started(self, vote: DueVote, message_id: int, closes_at: float) -> None:
        """Records the poll of a vote. The next vote is due a week from now."""
        async with self._database.transaction() as db:
            await db.execute(
                "UPDATE weekly_themes SET due_at = :next,"
                " poll_channel = :channel, poll_message = :message, closes_at = :closes"
                " WHERE guild_id = :guild AND due_at = :due",
                {
                    "guild": vote.guild_id,
                    "due": vote.due_at,
                    "next": self._database.now() + WEEK,
                    "channel": vote.settings.channel_id,
                    "message": message_id,
                    "closes": closes_at,
                },
            )

    async def mark_skipped(self, vote: DueVote) -> None:
        """Records, also in the audit log, that there can be no vote this week."""
        now = self._database.now()
        async with self._database.transaction() as db:
            await db.execute(
                "UPDATE weekly_themes SET due_at = ? WHERE guild_id = ? AND due_at = ?",
                (now + WEEK, vote.guild_id, vote.due_at),
            )
            details = {"channel": vote.settings.channel_id}
            await record(db, now, vote.guild_id, AuditAction.NO_THEME_VOTE, None, details=details)

    async def closed(self) -> list[ClosedVote]:
        """The votes that are over but not settled yet, the oldest first."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT * FROM weekly_themes WHERE closes_at <= ? AND channel_id IS NOT NULL"
                " ORDER BY closes_at",
                (self._database.now(),),
            )
        return readable("weekly_themes", rows, _closed)

    async def settle(self, vote: ClosedVote, theme: str | None) -> None:
        """Records that the result is announced, and the chosen theme, if there is one."""
        async with self._database.transaction() as db:
            await db.execute(
                "UPDATE weekly_themes SET last_theme = coalesce(?, last_theme),"
                " poll_channel = NULL, poll_message = NULL, closes_at = NULL"
                " WHERE guild_id = ? AND poll_message = ?",
                (theme, vote.guild_id, vote.message_id),
            )


def _due(row: sqlite3.Row) -> DueVote:
    own_themes = json.loads(required(row, "own_themes", str))
    if not isinstance(own_themes, list):
        raise ValueError(f"own_themes is {own_themes!r}")
    settings = ThemeSettings(
        required(row, "channel_id", int), required(row, "hours", int), tuple(map(str, own_themes))
    )
    return DueVote(
        required(row, "guild_id", int),
        settings,
        required(row, "due_at", float),
        optional(row, "last_theme", str),
    )


def _closed(row: sqlite3.Row) -> ClosedVote:
    return ClosedVote(
        required(row, "guild_id", int),
        required(row, "poll_channel", int),
        required(row, "poll_message", int),
        required(row, "closes_at", float),
        required(row, "due_at", float),
    )
