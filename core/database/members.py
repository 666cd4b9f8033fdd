"""What members keep beside the queue: their pictures, favourites and preferences.

It shares the database with `core.database.jobs`, and its transactions.
"""

from dataclasses import dataclass

from core.database.connection import rows_of, value_of
from core.database.jobs import Store, as_job
from core.job import Job


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a member need not type each time; None where they have not chosen."""

    size: str | None = None
    steps: int | None = None
    preset: str | None = None
    direct_copy: bool = False
    """Whether finished pictures come by direct message, too."""


_HISTORY = (
    " FROM jobs WHERE member_id = :member AND guild_id IS :guild AND deleted_at IS NULL"
    " AND state = 'done' AND (:words = '' OR instr(lower(recipe), lower(:words)) > 0)"
    " AND (NOT :favourites OR id IN (SELECT job_id FROM favourites WHERE member_id = :member))"
)


class Members:
    """Questions about members, and what they decide. All raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

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
        """How many painted jobs a member has in a guild, and some of them, the newest first.

        With `words` only those that were asked for with them; with `favourites` only those.
        """
        asked = {"member": member_id, "guild": guild_id, "words": words, "favourites": favourites}
        async with self._store.snapshot() as db:
            count = int(await value_of(db, "SELECT COUNT(*)" + _HISTORY, asked))
            found = await rows_of(
                db,
                "SELECT *" + _HISTORY + " ORDER BY id DESC LIMIT :limit OFFSET :offset",
                asked | {"limit": limit, "offset": offset},
            )
        return count, [as_job(row) for row in found]

    async def recent_prompts(self, member_id: int, limit: int = 25) -> list[Job]:
        """A member's latest jobs, each wish once; for suggestions."""
        async with self._store.read() as db:
            found = await rows_of(
                db,
                "SELECT *, MAX(id) FROM (SELECT * FROM jobs WHERE member_id = ?"
                " ORDER BY id DESC LIMIT 200) GROUP BY json_extract(recipe, '$.include')"
                " ORDER BY id DESC LIMIT ?",
                (member_id, limit),
            )
        return [as_job(row) for row in found]

    async def descendants(self, job_id: int, limit: int = 10) -> list[Job]:
        """Jobs that repeat, vary or go on from this one; the newest first."""
        async with self._store.read() as db:
            found = await rows_of(
                db,
                "SELECT * FROM jobs WHERE parent_id = ? ORDER BY id DESC LIMIT ?",
                (job_id, limit),
            )
        return [as_job(row) for row in found]

    async def set_favourite(self, member_id: int, job_id: int, kept: bool) -> None:
        """Adds a job to a member's favourites, which stay on disk, or takes it out."""
        async with self._store.transaction() as db:
            if kept:
                await db.execute(
                    "INSERT OR IGNORE INTO favourites VALUES (?, ?, ?)",
                    (member_id, job_id, self._store.now()),
                )
            else:
                await db.execute(
                    "DELETE FROM favourites WHERE member_id = ? AND job_id = ?",
                    (member_id, job_id),
                )

    async def toggle_favourite(self, member_id: int, job_id: int, interaction_id: int) -> bool:
        """Adds a job to a member's favourites or removes it; whether it is among them now.

        The same interaction, resumed after a crash, does not toggle it back.
        """
        async with self._store.transaction() as db:
            outcome = await value_of(
                db,
                "SELECT outcome FROM answers WHERE interaction_id = ?",
                (interaction_id,),
            )
            if outcome is not None:
                return bool(outcome == "added")
            removed = await rows_of(
                db,
                "DELETE FROM favourites WHERE member_id = ? AND job_id = ? RETURNING 1",
                (member_id, job_id),
            )
            if not removed:
                await db.execute(
                    "INSERT INTO favourites VALUES (?, ?, ?)",
                    (member_id, job_id, self._store.now()),
                )
            await db.execute(
                "UPDATE answers SET outcome = ? WHERE interaction_id = ?",
                ("removed" if removed else "added", interaction_id),
            )
            return not removed

    async def preferences(self, member_id: int) -> Preferences:
        async with self._store.read() as db:
            found = await rows_of(db, "SELECT * FROM preferences WHERE member_id = ?", (member_id,))
        if not found:
            return Preferences()
        (row,) = found
        return Preferences(row["size"], row["steps"], row["preset"], bool(row["direct_copy"]))

    async def prefer(self, member_id: int, chosen: Preferences) -> None:
        """Keeps a member's preferences in place of older ones."""
        async with self._store.transaction() as db:
            await db.execute(
                "INSERT OR REPLACE INTO preferences VALUES (?, ?, ?, ?, ?)",
                (member_id, chosen.size, chosen.steps, chosen.preset, chosen.direct_copy),
            )
