"""The rules of a server: limits per role, refused words, and rules for channels."""

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import aiosqlite

from core.columns import optional, required
from core.database.audit_log import record
from core.database.blocks import active_block
from core.database.connection import Database
from core.database.guild_settings import guild_settings
from core.database.interactions import once
from core.database.queries import query
from core.database.rows import readable, rows_of
from core.image_check import CheckAction, Concept
from core.moderation import AuditAction, ChannelRule, Limits, Rules, Usage, WordRule
from core.sizes import parse_size

HOUR = 3600.0


class GuildRules:
    """The rules of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def for_member(self, guild_id: int | None, member_id: int) -> Rules:
        """All rules that apply to a member now."""
        async with self._database.snapshot() as db:
            return Rules(
                pause=(await guild_settings(db, guild_id)).pause,
                block=await active_block(db, guild_id, member_id, self._database.now()),
                allowed_channels=await _channels(db, guild_id, ChannelRule.ALLOWED),
                spoilered_channels=await _channels(db, guild_id, ChannelRule.SPOILERED),
                words=await _words(db, guild_id),
                limits=await _limits(db, guild_id),
            )

    async def usage(self, guild_id: int | None, member_id: int) -> Usage:
        """What counts against the limits of a member."""
        since = self._database.now() - HOUR
        values = {"guild_id": guild_id, "member_id": member_id, "since": since}
        async with self._database.read() as db:
            (row,) = await rows_of(db, query("usage"), values)
        return Usage(row["waiting"], row["last_hour"])

    async def limits(self, guild_id: int) -> dict[int, Limits]:
        """The limits of each role that has any."""
        async with self._database.read() as db:
            return await _limits(db, guild_id)

    async def set_limits(self, guild_id: int, role_id: int, limits: Limits, actor_id: int) -> None:
        """Replaces all limits of a role; `Limits()` removes them."""
        async with once(self._database) as db:
            await self._replace_limits(db, guild_id, role_id, limits, actor_id)

    async def change_limits(
        self, guild_id: int, role_id: int, changes: Mapping[str, Any], actor_id: int
    ) -> Limits:
        """Changes some of the limits of a role, and returns all of them.

        The others are read in the same transaction, so that of changes made at the same time, none
        is lost.
        """
        async with once(self._database) as db:
            before = (await _limits(db, guild_id)).get(role_id, Limits())
            after = replace(before, **changes)
            await self._replace_limits(db, guild_id, role_id, after, actor_id)
        return after

    async def _replace_limits(
        self, db: aiosqlite.Connection, guild_id: int, role_id: int, limits: Limits, actor_id: int
    ) -> None:
        await db.execute(
            "DELETE FROM role_limits WHERE guild_id = ? AND role_id = ?", (guild_id, role_id)
        )
        if limits != Limits():
            await db.execute(
                "INSERT INTO role_limits VALUES (:guild, :role, :running, :waiting,"
                " :per_hour, :size, :steps, :film_frames)",
                {"guild": guild_id, "role": role_id} | asdict(limits),
            )
        await record(
            db,
            self._database.now(),
            guild_id,
            AuditAction.SET_LIMITS,
            actor_id,
            details={"role": role_id, "limits": asdict(limits)},
        )

    async def words(self, guild_id: int) -> tuple[WordRule, ...]:
        """The refused words of a server, in alphabetical order."""
        async with self._database.read() as db:
            return await _words(db, guild_id)

    async def add_word(self, guild_id: int, rule: WordRule, actor_id: int) -> None:
        """Adds a rule, replacing one with the same text."""
        async with once(self._database) as db:
            await db.execute(
                "INSERT OR REPLACE INTO words VALUES (?, ?, ?)",
                (guild_id, rule.text, rule.age_restricted),
            )
            await record(
                db,
                self._database.now(),
                guild_id,
                AuditAction.SET_WORD_RULE,
                actor_id,
                details={
                    "word": rule.text,
                    "refused": True,
                    "age_restricted": rule.age_restricted,
                },
            )

    async def remove_word(self, guild_id: int, text: str, actor_id: int) -> bool:
        """Removes a rule; returns whether there was one."""
        async with once(self._database) as db:
            cursor = await db.execute(
                "DELETE FROM words WHERE guild_id = ? AND text = ?", (guild_id, text)
            )
            if cursor.rowcount:
                await record(
                    db,
                    self._database.now(),
                    guild_id,
                    AuditAction.SET_WORD_RULE,
                    actor_id,
                    details={"word": text, "refused": False},
                )
            return bool(cursor.rowcount)

    async def channels(self, guild_id: int, rule: ChannelRule) -> frozenset[int]:
        """The channels to which a rule applies."""
        async with self._database.read() as db:
            return await _channels(db, guild_id, rule)

    async def concepts(self, guild_id: int | None) -> tuple[Concept, ...]:
        """The concepts that moderators added to the image check, in addition to the host's."""
        async with self._database.read() as db:
            sql = "SELECT text, action FROM image_concepts WHERE guild_id = ? ORDER BY text"
            return tuple(readable("image_concepts", await rows_of(db, sql, (guild_id,)), _concept))

    async def add_concept(self, guild_id: int, concept: Concept, actor_id: int) -> None:
        """Adds a concept, replacing one with the same text."""
        async with once(self._database) as db:
            await db.execute(
                "INSERT OR REPLACE INTO image_concepts VALUES (?, ?, ?)",
                (guild_id, concept.text, concept.action.value),
            )
            await self._record_concept(db, guild_id, concept.text, concept.action, actor_id)

    async def remove_concept(self, guild_id: int, text: str, actor_id: int) -> bool:
        """Removes a concept; returns whether there was one."""
        async with once(self._database) as db:
            cursor = await db.execute(
                "DELETE FROM image_concepts WHERE guild_id = ? AND text = ?", (guild_id, text)
            )
            if cursor.rowcount:
                await self._record_concept(db, guild_id, text, None, actor_id)
            return bool(cursor.rowcount)

    async def _record_concept(
        self,
        db: aiosqlite.Connection,
        guild_id: int,
        text: str,
        action: CheckAction | None,
        actor_id: int,
    ) -> None:
        await record(
            db,
            self._database.now(),
            guild_id,
            AuditAction.SET_IMAGE_CONCEPT,
            actor_id,
            details={"concept": text, "action": action},
        )

    async def set_channel(
        self, guild_id: int, channel_id: int, rule: ChannelRule, holds: bool, actor_id: int
    ) -> None:
        """Sets or removes a rule for a channel."""
        values = (guild_id, channel_id, rule.value)
        async with once(self._database) as db:
            if holds:
                await db.execute("INSERT OR IGNORE INTO channel_rules VALUES (?, ?, ?)", values)
            else:
                await db.execute(
                    "DELETE FROM channel_rules WHERE guild_id = ? AND channel_id = ? AND rule = ?",
                    values,
                )
            await record(
                db,
                self._database.now(),
                guild_id,
                AuditAction.SET_CHANNEL_RULE,
                actor_id,
                details={"channel": channel_id, "rule": rule.value, "holds": holds},
            )


async def _channels(
    db: aiosqlite.Connection, guild_id: int | None, rule: ChannelRule
) -> frozenset[int]:
    sql = "SELECT channel_id FROM channel_rules WHERE guild_id = ? AND rule = ?"
    rows = await rows_of(db, sql, (guild_id, rule.value))
    return frozenset(readable("channel_rules", rows, lambda row: required(row, "channel_id", int)))


def _concept(row: sqlite3.Row) -> Concept:
    return Concept(required(row, "text", str), CheckAction(required(row, "action", str)))


async def _words(db: aiosqlite.Connection, guild_id: int | None) -> tuple[WordRule, ...]:
    sql = "SELECT text, age_restricted FROM words WHERE guild_id = ? ORDER BY text"
    return tuple(readable("words", await rows_of(db, sql, (guild_id,)), _word))


async def _limits(db: aiosqlite.Connection, guild_id: int | None) -> dict[int, Limits]:
    rows = await rows_of(db, "SELECT * FROM role_limits WHERE guild_id = ?", (guild_id,))
    return dict(readable("role_limits", rows, _role_limits))


def _word(row: sqlite3.Row) -> WordRule:
    return WordRule(required(row, "text", str), bool(required(row, "age_restricted", int)))


def _role_limits(row: sqlite3.Row) -> tuple[int, Limits]:
    size = optional(row, "size", str)
    if size is not None:
        parse_size(size)  # raises RecipeError, a ValueError
    return required(row, "role_id", int), Limits(
        running=optional(row, "running", int),
        waiting=optional(row, "waiting", int),
        per_hour=optional(row, "per_hour", int),
        size=size,
        steps=optional(row, "steps", int),
        film_frames=optional(row, "film_frames", int),
    )
