"""Responses that members are waiting for: acknowledged by the bot, not delivered yet.

A row is written before the bot acknowledges an interaction, so that the next bot can finish what
a killed one has left open.
"""

import sqlite3
from dataclasses import dataclass

from core.database.connection import rows_of
from core.database.jobs import Store


@dataclass(frozen=True, slots=True)
class PendingResponse:
    """An interaction that still has to be responded to."""

    interaction_id: int
    payload: str | None
    """The interaction as Discord sent it, as JSON; None in a row of an older version."""
    updates_message: bool
    """Whether the response changes the message of the button, rather than being a new one."""
    token: str
    locale: str
    created_at: float
    job_id: int | None = None
    """The job that it has queued, once it has (see `Store.add`)."""


class PendingResponses:
    """The pending responses of one database. All methods raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def insert(
        self,
        interaction_id: int,
        *,
        payload: str | None,
        updates_message: bool,
        token: str,
        locale: str,
    ) -> None:
        """Writes a pending response; on disk once this returns."""
        async with self._store.transaction() as db:
            await db.execute(
                "INSERT INTO answers"
                " (interaction_id, payload, updates_message, token, locale, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (interaction_id, payload, updates_message, token, locale, self._store.now()),
            )

    async def delete(self, interaction_id: int) -> None:
        """Deletes a pending response: Discord has taken it, or nobody waits for it any more.

        If its job has ended meanwhile, the response may have hidden the outcome: it is posted anew.
        """
        async with self._store.transaction() as db:
            await db.execute(
                "UPDATE jobs SET posted = 0, redraws = redraws + 1 WHERE finished_at IS NOT NULL"
                " AND deleted_at IS NULL"
                " AND id = (SELECT job_id FROM answers WHERE interaction_id = ?)",
                (interaction_id,),
            )
            await db.execute("DELETE FROM answers WHERE interaction_id = ?", (interaction_id,))

    async def all(self) -> list[PendingResponse]:
        """All pending responses, the oldest first."""
        async with self._store.snapshot() as db:
            found = await rows_of(db, "SELECT * FROM answers ORDER BY interaction_id")
            return [_from_row(row) for row in found]


def _from_row(row: sqlite3.Row) -> PendingResponse:
    return PendingResponse(
        row["interaction_id"],
        row["payload"],
        bool(row["updates_message"]),
        row["token"],
        row["locale"],
        row["created_at"],
        row["job_id"],
    )
