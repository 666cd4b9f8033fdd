"""Members' history, favourites and preferences."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import aiosqlite

from core.columns import optional, required
from core.database.connection import Database
from core.database.dead_letters import readable_jobs
from core.database.interactions import outcome, set_outcome
from core.database.rows import readable, rows_of, value_of
from core.job import Job
from core.prompt_search import fold

RECENT_JOBS = 200  #: how many of a member's latest jobs are searched for recent prompts


class Notify(StrEnum):
    """When to mention a member whose image is done. The values are stored."""

    ALWAYS = "always"
    LONG = "long"
    """If it was requested more than a minute ago."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Preferences:
    """Defaults that a member has set; None where they have not."""

    size: str | None = None
    steps: int | None = None
    preset: str | None = None
    direct_copy: bool = False
    """Whether finished images are also sent by direct message."""
    count: int | None = None
    """How many images to request at once."""
    notify: Notify = Notify.LONG
    preset_guild: int | None = None
    """The server whose own style `preset` is; None for a built-in style."""
    model: str | None = None


_HISTORY = (
    " FROM jobs WHERE member_id = :member AND (:guild IS NULL OR guild_id = :guild)"
    " AND deleted_at IS NULL"
    " AND state = 'done' AND kind = 'image' AND NOT held"
    " AND NOT EXISTS (SELECT 1 FROM json_each(:words) WHERE instr(prompt_text, value) = 0)"
    " AND (NOT :favourites OR id IN (SELECT job_id FROM favourites WHERE member_id = :member))"
)


class Toggled(StrEnum):
    """The result of toggling a favourite. The values are stored."""

    ADDED = "added"
    REMOVED = "removed"
    FULL = "full"
    """The member has reached the limit."""


class Members:
    """The history, favourites and preferences of all members. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def history(
        self,
        member_id: int,
        guild_id: int | None,
        *,
        words: str = "",
        favourites: bool = False,
        limit: int = 10,
        offset: int = 0,
    ) -> tuple[int, list[Job]]:
        """The number of a member's finished jobs in a server, and a page of them, the newest first.

        Without `guild_id`, those in all servers and in direct messages. With `words`, only jobs
        whose prompts contain each of these words, in any order and regardless of case and accents;
        with `favourites`, only favourites.
        """
        values = {
            "member": member_id,
            "guild": guild_id,
            "words": json.dumps(fold(words).split()),
            "favourites": favourites,
            "limit": limit,
            "offset": offset,
        }
        async with self._database.snapshot() as db:
            count = int(await value_of(db, "SELECT COUNT(*)" + _HISTORY, values))
            rows = await rows_of(
                db,
                "SELECT *" + _HISTORY + " ORDER BY id DESC LIMIT :limit OFFSET :offset",
                values,
            )
        return count, await readable_jobs(self._database, rows)

    async def favourites_among(self, member_id: int, job_ids: Iterable[int]) -> set[int]:
        """Which of these jobs are a member's favourites."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT job_id FROM favourites WHERE member_id = ?"
                " AND job_id IN (SELECT value FROM json_each(?))",
                (member_id, json.dumps(list(job_ids))),
            )
        return {row["job_id"] for row in rows}

    async def recent_prompts(self, member_id: int, limit: int = 25) -> list[Job]:
        """A member's latest jobs, without repeated include prompts; for autocomplete."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT * FROM jobs WHERE member_id = ? AND kind = 'image'"
                " ORDER BY id DESC LIMIT ?",
                (member_id, RECENT_JOBS),
            )
        latest: dict[Any, Job] = {}
        for job in await readable_jobs(self._database, rows):
            latest.setdefault(job.recipe.include, job)
        return list(latest.values())[:limit]

    async def toggle_favourite(self, member_id: int, job_id: int, *, limit: int) -> Toggled:
        """Adds a job to a member's favourites, of which there are at most `limit`, or removes it.

        The same interaction, resumed after a crash, does not toggle it back.
        """
        async with self._database.transaction() as db:
            if (before := await outcome(db)) is not None:
                return Toggled(before)
            toggled = await _toggle_favourite(db, member_id, job_id, limit, self._database.now())
            await set_outcome(db, toggled)
            return toggled

    async def add_favourite(self, member_id: int, job_id: int, *, limit: int) -> Toggled:
        """Adds a job to a member's favourites, of which there are at most `limit`: ADDED or FULL.

        ADDED even if it was one before.
        """
        async with self._database.transaction() as db:
            return await _add_favourite(db, member_id, job_id, limit, self._database.now())

    async def remove_favourite(self, member_id: int, job_id: int) -> None:
        """Removes a job from a member's favourites, if it is one."""
        async with self._database.transaction() as db:
            await _remove_favourite(db, member_id, job_id)

    async def preferences(self, member_id: int) -> Preferences:
        """A member's preferences; the defaults if they have set none."""
        async with self._database.read() as db:
            return await _stored_preferences(db, member_id)

    async def change_preferences(self, member_id: int, **changes: Any) -> Preferences:
        """Changes some of a member's preferences, and returns all of them.

        The others are read in the same transaction, so that of changes made at the same time, none
        is lost.
        """
        async with self._database.transaction() as db:
            preferences = replace(await _stored_preferences(db, member_id), **changes)
            await db.execute(
                "INSERT OR REPLACE INTO preferences"
                " (member_id, size, steps, preset, direct_copy, count, notify, preset_guild, model)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    member_id,
                    preferences.size,
                    preferences.steps,
                    preferences.preset,
                    preferences.direct_copy,
                    preferences.count,
                    preferences.notify.value,
                    preferences.preset_guild,
                    preferences.model,
                ),
            )
        return preferences


async def _toggle_favourite(
    db: aiosqlite.Connection, member_id: int, job_id: int, limit: int, now: float
) -> Toggled:
    if await _remove_favourite(db, member_id, job_id):
        return Toggled.REMOVED
    return await _add_favourite(db, member_id, job_id, limit, now)


async def _remove_favourite(db: aiosqlite.Connection, member_id: int, job_id: int) -> bool:
    sql = "DELETE FROM favourites WHERE member_id = ? AND job_id = ? RETURNING 1"
    return bool(await rows_of(db, sql, (member_id, job_id)))


async def _add_favourite(
    db: aiosqlite.Connection, member_id: int, job_id: int, limit: int, now: float
) -> Toggled:
    """Adds a favourite. Those without an image do not count towards the limit."""
    count = (
        "SELECT COUNT(*) FROM favourites JOIN jobs ON jobs.id = job_id"
        " WHERE favourites.member_id = ? AND job_id != ? AND state NOT IN ('failed', 'cancelled')"
    )
    if int(await value_of(db, count, (member_id, job_id))) >= limit:
        return Toggled.FULL
    await db.execute("INSERT OR IGNORE INTO favourites VALUES (?, ?, ?)", (member_id, job_id, now))
    return Toggled.ADDED


async def _stored_preferences(db: aiosqlite.Connection, member_id: int) -> Preferences:
    rows = await rows_of(db, "SELECT * FROM preferences WHERE member_id = ?", (member_id,))
    found = readable("preferences", rows, _preferences)
    return found[0] if found else Preferences()


def _preferences(row: sqlite3.Row) -> Preferences:
    return Preferences(
        optional(row, "size", str),
        optional(row, "steps", int),
        optional(row, "preset", str),
        bool(required(row, "direct_copy", int)),
        optional(row, "count", int),
        Notify(required(row, "notify", str)),
        optional(row, "preset_guild", int),
        optional(row, "model", str),
    )
