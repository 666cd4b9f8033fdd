"""Makes the changes of an interaction exactly once, however often its handler runs.

After a crash, the restarted bot runs the handlers of all pending responses again. The changes of a
handler are recorded in its pending response in the same transaction, so that the second run is
skipped, or finds what the first one did.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

import aiosqlite

from core.database.connection import Database
from core.database.rows import value_of

DONE = "done"
"""The `outcome` of a pending response whose changes are all made."""

current_interaction: ContextVar[int | None] = ContextVar("current_interaction", default=None)
"""The id of the interaction that the current task handles. The bot sets it."""


@asynccontextmanager
async def once(database: Database) -> AsyncIterator[aiosqlite.Connection]:
    """A transaction for all changes of the current interaction, which then doesn't run again.

    A transaction without changes is not recorded. Raises StoreError.
    """
    async with database.transaction() as db:
        changes = db.total_changes
        yield db
        if db.total_changes > changes:
            await set_outcome(db, DONE)


async def outcome(db: aiosqlite.Connection) -> str | None:
    """What an earlier run of the current interaction recorded."""
    sql = "SELECT outcome FROM pending_responses WHERE interaction_id = ?"
    found = await value_of(db, sql, (current_interaction.get(),))
    return None if found is None else str(found)


async def set_outcome(db: aiosqlite.Connection, text: str) -> None:
    """Records what the current interaction has done."""
    await db.execute(
        "UPDATE pending_responses SET outcome = ? WHERE interaction_id = ?",
        (text, current_interaction.get()),
    )
