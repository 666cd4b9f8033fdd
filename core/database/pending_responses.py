"""Interactions that the bot has acknowledged but not responded to yet.

A row is written before the bot acknowledges an interaction, so that a restarted bot can finish what
a killed one left open.
"""

import sqlite3
from dataclasses import dataclass

from core.columns import optional, required
from core.database import job_updates
from core.database.connection import Database
from core.database.interactions import DONE
from core.database.rows import readable, rows_of


@dataclass(frozen=True, slots=True)
class PendingResponse:
    """An interaction that still has to be responded to."""

    interaction_id: int
    payload: str | None
    """The interaction as Discord sent it, as JSON.

    None in rows of an older version, and after all data about its member was deleted.
    """
    updates_message: bool
    """Whether the response edits the button's message rather than being a new message."""
    token: str
    locale: str
    created_at: float
    job_id: int | None = None
    """The job that it queued, if it has (see `NewJob.interaction_id`)."""
    refusal: str | None = None
    """Why it was refused, if it was; the member may or may not have read it."""
    done: bool = False
    """Whether all of its changes are made (see `core.database.interactions`)."""


class PendingResponses:
    """The pending responses of the bot. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(
        self,
        interaction_id: int,
        *,
        member_id: int,
        payload: str | None,
        updates_message: bool,
        token: str,
        locale: str,
    ) -> None:
        """Writes a pending response; on disk once this returns."""
        async with self._database.transaction() as db:
            await db.execute(
                "INSERT INTO pending_responses"
                " (interaction_id, member_id, payload, updates_message, token, locale, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    interaction_id,
                    member_id,
                    payload,
                    updates_message,
                    token,
                    locale,
                    self._database.now(),
                ),
            )

    async def set_refusal(self, interaction_id: int, text: str) -> None:
        """Records that an interaction is refused, before its member reads why."""
        async with self._database.transaction() as db:
            await db.execute(
                "UPDATE pending_responses SET outcome = ? WHERE interaction_id = ?",
                (_REFUSED + text, interaction_id),
            )

    async def delete(self, interaction_id: int) -> None:
        """Deletes a pending response: Discord has accepted it, or nobody waits for it any more.

        If its job has ended meanwhile, the response may have overwritten the outcome, so that is
        posted again.
        """
        async with self._database.transaction() as db:
            rows = await rows_of(
                db,
                "DELETE FROM pending_responses WHERE interaction_id = ? RETURNING job_id",
                (interaction_id,),
            )
            for row in rows:
                if isinstance(row["job_id"], int):  # None without a job; else damaged
                    await job_updates.repost(db, row["job_id"], self._database.now())

    async def all(self) -> list[PendingResponse]:
        """All pending responses, the oldest first. An unreadable one is deleted."""
        async with self._database.read() as db:
            rows = await rows_of(db, "SELECT * FROM pending_responses ORDER BY interaction_id")
        found = readable("pending_responses", rows, _pending_response)
        readable_ids = {response.interaction_id for response in found}
        for unreadable in {row["interaction_id"] for row in rows} - readable_ids:
            await self.delete(unreadable)
        return found


_REFUSED = "refused: "


def _pending_response(row: sqlite3.Row) -> PendingResponse:
    outcome = optional(row, "outcome", str)
    refused = (outcome or "").startswith(_REFUSED)
    return PendingResponse(
        required(row, "interaction_id", int),
        optional(row, "payload", str),
        bool(required(row, "updates_message", int)),
        required(row, "token", str),
        required(row, "locale", str),
        required(row, "created_at", float),
        optional(row, "job_id", int),
        outcome.removeprefix(_REFUSED) if outcome and refused else None,
        outcome == DONE,
    )
