"""Drafts: several requests at once that wait for their member's confirmation."""

import json
from collections.abc import Sequence

import aiosqlite
from pydantic import TypeAdapter

from core.columns import required
from core.database.connection import Database
from core.database.dead_letters import readable_jobs
from core.database.interactions import outcome, set_outcome
from core.database.jobs import insert_job
from core.database.rows import readable, rows_of
from core.job import Job, NewJob
from core.recipe import Recipe

DRAFT_SECONDS = 1800.0
"""How long a draft can be confirmed. Its uploaded images are kept for an hour."""

_RECIPES = TypeAdapter(tuple[Recipe, ...])


class Drafts:
    """The drafts of all members. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, member_id: int, recipes: Sequence[Recipe]) -> int:
        """Stores a draft; returns its id. Deletes drafts that are too old to be confirmed."""
        now = self._database.now()
        stored = _RECIPES.dump_json(tuple(recipes)).decode()
        async with self._database.transaction() as db:
            await db.execute("DELETE FROM drafts WHERE created_at < ?", (now - DRAFT_SECONDS,))
            (row,) = await rows_of(
                db,
                "INSERT INTO drafts (member_id, recipes, created_at) VALUES (?, ?, ?) RETURNING id",
                (member_id, stored, now),
            )
        return int(row["id"])

    async def get(self, draft_id: int, member_id: int) -> tuple[Recipe, ...]:
        """The recipes of a member's draft; none if it was confirmed or deleted, or is too old."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT recipes FROM drafts WHERE id = ? AND member_id = ? AND created_at >= ?",
                (draft_id, member_id, self._database.now() - DRAFT_SECONDS),
            )
        found = readable(
            "drafts", rows, lambda row: _RECIPES.validate_json(required(row, "recipes", str))
        )
        return found[0] if found else ()

    async def queue(self, draft_id: int, jobs: Sequence[NewJob]) -> list[Job]:
        """Queues all jobs of a draft; none if the draft was confirmed or deleted meanwhile.

        The same interaction, resumed after a crash, finds them with `queued_before`.
        """
        async with self._database.transaction() as db:
            if not await _delete(db, draft_id):
                return []
            queued = [await insert_job(db, self._database, job) for job in jobs]
            await set_outcome(db, json.dumps([job.id for job in queued]))
        return queued

    async def queued_before(self) -> list[Job]:
        """The jobs that an earlier run of the current interaction queued."""
        async with self._database.read() as db:
            before = await outcome(db)
            if before is None or not before.startswith("["):  # it was refused
                return []
            rows = await rows_of(
                db,
                "SELECT * FROM jobs WHERE id IN (SELECT value FROM json_each(?))"
                " AND deleted_at IS NULL ORDER BY id",
                (before,),
            )
        return await readable_jobs(self._database, rows)

    async def delete(self, draft_id: int, member_id: int) -> None:
        """Deletes a member's draft."""
        async with self._database.transaction() as db:
            await db.execute(
                "DELETE FROM drafts WHERE id = ? AND member_id = ?", (draft_id, member_id)
            )


async def _delete(db: aiosqlite.Connection, draft_id: int) -> bool:
    return bool(await rows_of(db, "DELETE FROM drafts WHERE id = ? RETURNING 1", (draft_id,)))
