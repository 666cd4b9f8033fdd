"""Answers that members wait for: from the bot's first sign until Discord has taken the answer.

What the bot acknowledges is written down here first, so that the next bot can finish what a
killed one has left open.
"""

import sqlite3
from dataclasses import dataclass

from core.database.connection import rows_of
from core.database.jobs import Store


@dataclass(frozen=True, slots=True)
class Answer:
    """An interaction that is to be answered; its token lives for 15 minutes."""

    interaction_id: int
    token: str
    locale: str
    """What its asker's Discord speaks."""
    job_id: int | None = None
    """The job that it asked for, once that is queued (see `Store.add`)."""


class Answers:
    """The open answers of one database. All methods raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, answer: Answer) -> None:
        """Writes an answer down; on disk once this returns."""
        async with self._store.transaction() as db:
            await db.execute(
                "INSERT INTO answers (interaction_id, token, locale) VALUES (?, ?, ?)",
                (answer.interaction_id, answer.token, answer.locale),
            )

    async def end(self, interaction_id: int) -> None:
        """Strikes an answer out: Discord has taken it, or nobody waits for it any more.

        If the job has ended meanwhile, the answer may have hidden its outcome: that is to be
        shown once more.
        """
        async with self._store.transaction() as db:
            await db.execute(
                "UPDATE jobs SET posted = 0, redraws = redraws + 1 WHERE finished_at IS NOT NULL"
                " AND deleted_at IS NULL"
                " AND id = (SELECT job_id FROM answers WHERE interaction_id = ?)",
                (interaction_id,),
            )
            await db.execute("DELETE FROM answers WHERE interaction_id = ?", (interaction_id,))

    async def left(self) -> list[Answer]:
        """All that are open, the oldest first."""
        async with self._store.snapshot() as db:
            return [_answer(row) for row in await rows_of(db, "SELECT * FROM answers ORDER BY 1")]


def _answer(row: sqlite3.Row) -> Answer:
    return Answer(row["interaction_id"], row["token"], row["locale"], row["job_id"])
