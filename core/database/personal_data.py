"""All data about a member, for them to read."""

import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from core.database.connection import Database
from core.database.rows import printable, rows_of, value_of

PAGE = 500  #: records per read, so that nobody else waits long for the database

Record = dict[str, Any]


_RECORDS = {
    "favourites": "SELECT job_id, created_at FROM favourites WHERE member_id = :member",
    "preferences": "SELECT * FROM preferences WHERE member_id = :member",
    "copies": "SELECT job_id, channel_id, message_id FROM messages"
    " WHERE recipient_id = :member AND message_id IS NOT NULL",
    "responses": "SELECT job_id, response_tokens.message_id, expires_at FROM response_tokens"
    " JOIN jobs ON jobs.id = job_id WHERE member_id = :member",
    "drafts": "SELECT recipes, created_at FROM drafts WHERE member_id = :member",
    "uploaded images": "SELECT name, created_at, age_restricted, spoilered FROM uploaded_images"
    " WHERE member_id = :member",
    "examples of styles": "SELECT guild_id, name AS style, image FROM guild_styles"
    " WHERE image_by = :member",
    "reports by you": "SELECT guild_id, job_id, reason, created_at, verdict FROM reports"
    " WHERE reported_by = :member",
    "reports about you": "SELECT guild_id, job_id, reason, created_at, verdict FROM reports"
    " WHERE member_id = :member",
    "blocks": "SELECT guild_id, until, reason, created_at FROM blocks WHERE member_id = :member",
    "moderation log": "SELECT guild_id, created_at, action, actor_id IS :member AS by_you,"
    " target_id IS :member AS about_you, job_id, details, reason FROM audit_log"
    " WHERE :member IN (actor_id, target_id) ORDER BY id",
}
"""The queries for all records except jobs, by kind."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How much data there is about a member."""

    jobs: int
    images: int
    favourites: int
    first: float | None
    """When they first requested an image, in seconds since 1970."""


class PersonalData:
    """The data about members. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def summary(self, member_id: int) -> Summary:
        """How much data there is about a member, in all servers."""
        async with self._database.snapshot() as db:
            (row,) = await rows_of(
                db,
                "SELECT COUNT(*) AS jobs,"
                " TOTAL(pictures * (state = 'done' AND kind = 'image' AND deleted_at IS NULL))"
                " AS images,"
                " MIN(iif(typeof(created_at) = 'real', created_at, NULL)) AS first"
                " FROM jobs WHERE member_id = ?",
                (member_id,),
            )
            favourites = await value_of(
                db, "SELECT COUNT(*) FROM favourites WHERE member_id = ?", (member_id,)
            )
        return Summary(int(row["jobs"]), int(row["images"]), int(favourites), row["first"])

    async def records(self, member_id: int) -> AsyncIterator[tuple[str, list[Record]]]:
        """All records about a member, in batches of one kind.

        Other people in a record (who reported their image, who blocked them) are left out.
        """
        before = 2**63 - 1
        while jobs := await self._jobs(member_id, before):
            yield "jobs", jobs
            before = jobs[-1]["id"]
        async with self._database.snapshot() as db:
            member = {"member": member_id}
            found = {kind: await rows_of(db, sql, member) for kind, sql in _RECORDS.items()}
        for name, rows in found.items():
            if rows:
                yield name, [printable(row) for row in rows]

    async def _jobs(self, member_id: int, before: int) -> list[Record]:
        async with self._database.snapshot() as db:
            jobs = await rows_of(
                db,
                "SELECT * FROM jobs WHERE member_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
                (member_id, before, PAGE),
            )
            messages = await rows_of(
                db,
                "SELECT messages.* FROM json_each(?) AS requested CROSS JOIN messages"
                " ON job_id = requested.value WHERE message_id IS NOT NULL"
                " AND recipient_id IS NULL",  # copies of other members are private
                (json.dumps([job["id"] for job in jobs]),),
            )
        shown: dict[int, list[Record]] = {job["id"]: [] for job in jobs}
        for message in messages:
            shown[message["job_id"]].append(
                {name: message[name] for name in ("kind", "channel_id", "message_id")}
            )
        return [
            printable(job) | {"recipe": _recipe(job), "messages": shown[job["id"]]} for job in jobs
        ]


def _recipe(job: sqlite3.Row) -> Any:
    """The recipe as JSON, or the stored text if it is damaged."""
    try:
        return json.loads(job["recipe"])
    except (ValueError, TypeError, RecursionError):
        return printable(job)["recipe"]
