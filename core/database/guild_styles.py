"""The styles that moderators have added to a server."""

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

import aiosqlite

from core.columns import optional, required
from core.database.audit_log import record
from core.database.connection import Database
from core.database.interactions import once
from core.database.rows import printable, readable, rows_of, value_of
from core.moderation import AuditAction
from core.prompts import format_prompts, parse_prompts
from core.styles import MAX_STYLE_NAME, Style, style_key

MAX_STYLES = 25  #: styles of a server

_IMAGE = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Example:
    """An uploaded image that shows what a style looks like."""

    image: str
    """Its name, see `core.storage.uploaded_images`."""
    age_restricted: bool
    """Whether it is shown in age-restricted channels only."""
    spoilered: bool


class GuildStyles:
    """The styles of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, guild_id: int | None) -> list[Style]:
        """The styles of a server, in alphabetical order; none in direct messages."""
        async with self._database.read() as db:
            sql = "SELECT * FROM guild_styles WHERE guild_id = ? ORDER BY key"
            return readable("guild_styles", await rows_of(db, sql, (guild_id,)), _style)

    async def find(self, guild_id: int | None, name: str) -> Style | None:
        """A server's style by its name, regardless of case."""
        async with self._database.read() as db:
            sql = "SELECT * FROM guild_styles WHERE guild_id = ? AND key = ?"
            found = readable(
                "guild_styles", await rows_of(db, sql, (guild_id, style_key(name))), _style
            )
        return found[0] if found else None

    async def example(self, guild_id: int, name: str) -> Example | None:
        """The example of a style, unless it has none or its uploader has deleted it."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT image, age_restricted, spoilered FROM guild_styles JOIN uploaded_images"
                " ON uploaded_images.name = image AND member_id = image_by"
                " WHERE guild_id = ? AND key = ?",
                (guild_id, style_key(name)),
            )
        found = readable("guild_styles", rows, _example)
        return found[0] if found else None

    async def add(self, guild_id: int, style: Style, actor_id: int, image: str | None) -> bool:
        """Adds a style, replacing one with the same name; False if the server has too many.

        `image` names an image that the actor has uploaded.
        """
        prompts = {
            "include": format_prompts(style.include),
            "exclude": format_prompts(style.exclude),
        }
        values = prompts | {
            "guild": guild_id,
            "key": style_key(style.name),
            "name": style.name,
            "image": image,
            "by": actor_id if image else None,
        }
        async with once(self._database) as db:
            others = "SELECT COUNT(*) FROM guild_styles WHERE guild_id = :guild AND key != :key"
            if await value_of(db, others, values) >= MAX_STYLES:
                return False
            await db.execute(
                "INSERT OR REPLACE INTO guild_styles VALUES"
                " (:guild, :key, :name, :include, :exclude, :image, :by)",
                values,
            )
            await self._record(db, guild_id, style.name, prompts, actor_id)
            return True

    async def remove(self, guild_id: int, name: str, actor_id: int) -> bool:
        """Removes a style, even from defaults and preferences; returns whether there was one."""
        key = (guild_id, style_key(name))
        async with once(self._database) as db:
            names = await rows_of(
                db, "SELECT name FROM guild_styles WHERE guild_id = ? AND key = ?", key
            )
            for row in names:
                removed = (guild_id, row["name"])
                await db.execute(
                    "UPDATE guild_defaults SET preset = NULL WHERE guild_id = ? AND preset = ?",
                    removed,
                )
                await db.execute(
                    "UPDATE preferences SET preset = NULL, preset_guild = NULL"
                    " WHERE preset_guild = ? AND preset = ?",
                    removed,
                )
                shown = str(printable(row)["name"])  # even if it is damaged
                await self._record(db, guild_id, shown, {"include": None}, actor_id)
            await db.execute("DELETE FROM guild_styles WHERE guild_id = ? AND key = ?", key)
            return bool(names)

    async def _record(
        self,
        db: aiosqlite.Connection,
        guild_id: int,
        name: str,
        details: Mapping[str, str | None],
        actor_id: int,
    ) -> None:
        await record(
            db,
            self._database.now(),
            guild_id,
            AuditAction.SET_STYLE,
            actor_id,
            details={"style": name, **details},
        )


def _style(row: sqlite3.Row) -> Style:
    name, exclude = required(row, "name", str), required(row, "exclude", str)
    if not 0 < len(name) <= MAX_STYLE_NAME:
        raise ValueError(f"name is {name!r}")
    return Style(
        name,
        parse_prompts(required(row, "include", str)),
        parse_prompts(exclude, excluded=True) if exclude else (),
    )


def _example(row: sqlite3.Row) -> Example:
    image = optional(row, "image", str)
    if image is None or not _IMAGE.fullmatch(image):
        raise ValueError(f"image is {image!r}")
    return Example(
        image,
        bool(required(row, "age_restricted", int)),
        bool(required(row, "spoilered", int)),
    )
