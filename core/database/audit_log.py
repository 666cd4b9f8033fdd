"""The audit log: what moderators did and what the rules refused, as codes with parameters.

`core.discord_ui.audit_log` turns entries into text.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import aiosqlite

from core.columns import optional, required
from core.database.connection import Database
from core.database.interactions import outcome, set_outcome
from core.database.rows import readable, rows_of, value_of
from core.moderation import AuditAction, AuditEntry

_REFUSED = "refused"
"""The outcome of an interaction whose refusal has been recorded."""


class AuditLog:
    """The audit logs of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_refusal(self, guild_id: int, member_id: int, reason: str) -> None:
        """Records that the rules refused a member's request, once per interaction."""
        async with self._database.transaction() as db:
            if await outcome(db) == _REFUSED:
                return
            await set_outcome(db, _REFUSED)
            await record(
                db,
                self._database.now(),
                guild_id,
                AuditAction.REFUSE,
                None,
                target_id=member_id,
                reason=reason,
            )

    async def record_refused_default(self, guild_id: int, exclude: str, rule: str) -> None:
        """Records that the rules refuse default exclude prompts, once until either changes."""
        details = {"exclude": exclude, "rule": rule}
        values = {
            "guild": guild_id,
            "action": AuditAction.DEFAULT_REFUSED.value,
            "details": json.dumps(details),
            "word": AuditAction.SET_WORD_RULE.value,
            "setting": AuditAction.SET_SETTING.value,
        }
        async with self._database.transaction() as db:
            known = await value_of(
                db,
                "SELECT EXISTS (SELECT 1 FROM audit_log WHERE guild_id = :guild"
                " AND action = :action AND details = :details AND id > coalesce((SELECT MAX(id)"
                " FROM audit_log WHERE guild_id = :guild AND action IN (:word, :setting)), 0))",
                values,
            )
            if not known:
                now, action = self._database.now(), AuditAction.DEFAULT_REFUSED
                await record(db, now, guild_id, action, None, details=details)

    async def page(
        self, guild_id: int, *, member_id: int | None = None, limit: int = 20, offset: int = 0
    ) -> tuple[int, list[AuditEntry]]:
        """The number of entries, and a page of them, the newest first.

        With `member_id`, only entries by or about that member.
        """
        values = {"guild": guild_id, "member": member_id, "limit": limit, "offset": offset}
        async with self._database.snapshot() as db:
            count = await value_of(
                db,
                "SELECT COUNT(*) FROM audit_log WHERE guild_id = :guild"
                " AND (:member IS NULL OR actor_id = :member OR target_id = :member)",
                values,
            )
            rows = await rows_of(
                db,
                "SELECT * FROM audit_log WHERE guild_id = :guild"
                " AND (:member IS NULL OR actor_id = :member OR target_id = :member)"
                " ORDER BY id DESC LIMIT :limit OFFSET :offset",
                values,
            )
        return int(count), readable("audit_log", rows, _entry)

    async def unmirrored(self, limit: int = 100) -> list[tuple[int, AuditEntry]]:
        """Entries that no log channel shows yet, the oldest first, each with its channel."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT audit_log.*, log_channel FROM audit_log JOIN guilds USING (guild_id)"
                " WHERE to_mirror = 1 AND log_channel IS NOT NULL"
                " ORDER BY audit_log.id LIMIT ?",
                (limit,),
            )
        found = readable(
            "audit_log", rows, lambda row: (required(row, "log_channel", int), _entry(row))
        )
        if unreadable := {row["id"] for row in rows} - {entry.id for _, entry in found}:
            await self._mark_mirrored(unreadable)  # or they would block the next ones
        return found

    async def mark_mirrored(self, entries: Iterable[AuditEntry]) -> None:
        """Records that these entries no longer have to be shown in a log channel."""
        await self._mark_mirrored(entry.id for entry in entries)

    async def _mark_mirrored(self, entry_ids: Iterable[int]) -> None:
        async with self._database.transaction() as db:
            await db.executemany(
                "UPDATE audit_log SET to_mirror = 0 WHERE id = ?",
                [(entry_id,) for entry_id in entry_ids],
            )


async def record(
    db: aiosqlite.Connection,
    now: float,
    guild_id: int,
    action: AuditAction,
    actor_id: int | None,
    *,
    target_id: int | None = None,
    job_id: int | None = None,
    details: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Adds an entry inside an open transaction.

    It is mirrored if the server has a log channel now.
    """
    await db.execute(
        "INSERT INTO audit_log (guild_id, created_at, action, actor_id, target_id, job_id,"
        " details, reason, to_mirror) VALUES (:guild, :now, :action, :actor, :target, :job,"
        " :details, :reason, EXISTS"
        " (SELECT 1 FROM guilds WHERE guild_id = :guild AND log_channel IS NOT NULL))",
        {
            "guild": guild_id,
            "now": now,
            "action": action.value,
            "actor": actor_id,
            "target": target_id,
            "job": job_id,
            "details": None if details is None else json.dumps(details),
            "reason": reason,
        },
    )


async def record_for_member(
    db: aiosqlite.Connection,
    now: float,
    guild_id: int | None,
    action: AuditAction,
    actor_id: int,
    *,
    member_id: int,
    job_id: int,
) -> None:
    """Adds an action on somebody else's job; actions on one's own jobs have no entry."""
    if guild_id is not None and actor_id != member_id:
        await record(db, now, guild_id, action, actor_id, target_id=member_id, job_id=job_id)


def _entry(row: sqlite3.Row) -> AuditEntry:
    details = json.loads(optional(row, "details", str) or "{}")
    if not isinstance(details, dict):
        raise ValueError(f"details is {details!r}")
    return AuditEntry(
        id=required(row, "id", int),
        guild_id=required(row, "guild_id", int),
        created_at=required(row, "created_at", float),
        action=required(row, "action", str),
        actor_id=optional(row, "actor_id", int),
        target_id=optional(row, "target_id", int),
        job_id=optional(row, "job_id", int),
        details=details,
        reason=optional(row, "reason", str),
    )
