"""Changes that an interaction of Discord's makes once, however often its handler runs.

A killed bot's successor runs the handlers of all pending responses again. What a handler has
changed is written into its pending response in the same transaction, so that the second run is
spared, or finds what the first one did.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

import aiosqlite

from core.database.connection import Database
from core.database.rows import value_of

DONE = "done"
"""The `outcome` of a pending response all of whose changes are made."""

current_interaction: ContextVar[int | None] = ContextVar("current_interaction", default=None)
"""The id of the interaction that the current task handles. The bot sets it."""


@asynccontextmanager
async def once(database: Database) -> AsyncIterator[aiosqlite.Connection]:
    """A transaction with all that the current interaction changes: it will not run again.

    One that changes nothing counts for nothing. Raises StoreError.
    """
    async with database.transaction() as db:
        changes = db.total_changes
        yield db
        if db.total_changes > changes:
            await set_outcome(db, DONE)


async def outcome(db: aiosqlite.Connection) -> str | None:
    """What an earlier run of the current interaction has written down."""
    sql = "SELECT outcome FROM pending_responses WHERE interaction_id = ?"
    found = await value_of(db, sql, (current_interaction.get(),))
    return None if found is None else str(found)


async def set_outcome(db: aiosqlite.Connection, text: str) -> None:
    """Writes down what the current interaction has done."""
    await db.execute(
        "UPDATE pending_responses SET outcome = ? WHERE interaction_id = ?",
        (text, current_interaction.get()),
    )
