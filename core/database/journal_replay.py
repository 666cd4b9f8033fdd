"""Carrying out the journal of deletions (see `core.database.journal`) in a database.

Each kind of entry has its SQL in `queries/`. The database remembers up to which byte of the
journal it has carried it out: what a crash or a restored backup has left out is done later.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

import aiosqlite

from core.database.errors import StoreFullError
from core.database.journal import Entry, JobDeleted, Journal, MemberDeleted, NumbersReserved
from core.database.queries import query
from core.database.rows import value_of
from core.database.schema import statements

TAKEN_SECONDS = 60.0
"""A deletion that was taken is another's to try after so long; also the time that an engine or a
message on its way is given before what it may have left is looked for."""
NONCE_SECONDS = 600.0
"""For no longer than this Discord recognises a message by its nonce."""
RESERVED = 1000  #: how many job ids are reserved at a time

_QUERIES = {
    MemberDeleted: query("delete_member"),
    JobDeleted: query("delete_job"),
    NumbersReserved: query("raise_numbers"),
}
_POSITION = "SELECT position FROM deletion_journal"

T = TypeVar("T")


async def is_behind(db: aiosqlite.Connection, journal: Journal) -> bool:
    """Whether the journal has entries that this database lacks."""
    return bool(await value_of(db, _POSITION) < await _in_thread(journal, Journal.end))


async def carry_out(
    db: aiosqlite.Connection, journal: Journal, now: float, entry: Entry | None = None
) -> None:
    """Within a transaction: appends an entry to the journal, and does all that is not done yet."""
    position = min(await value_of(db, _POSITION), await _in_thread(journal, Journal.end))
    if entry:
        await _in_thread(journal, lambda journal: journal.append(entry))
    times = {"now": now, "later": now + TAKEN_SECONDS, "forgotten": now - NONCE_SECONDS}
    for each in await _in_thread(journal, lambda journal: journal.after(position)):
        for statement in statements(_QUERIES[type(each)]):
            await db.execute(statement, asdict(each) | times)
    await _set_position(db, journal)


async def reserve_id(db: aiosqlite.Connection, journal: Journal, now: float, job_id: int) -> None:
    """Has the journal know of a job's id before that is committed, 1,000 at a time."""
    if job_id <= journal.reserved_here:
        return
    end = await _in_thread(journal, Journal.end)
    reserved = job_id + RESERVED
    await _in_thread(journal, lambda journal: journal.append(NumbersReserved(reserved, now)))
    if await value_of(db, _POSITION) >= end:
        await _set_position(db, journal)
    journal.reserved_here = reserved


async def _set_position(db: aiosqlite.Connection, journal: Journal) -> None:
    """Records that this database has all that the journal says."""
    end = await _in_thread(journal, Journal.end)
    await db.execute("UPDATE deletion_journal SET position = ?", (end,))


async def _in_thread(journal: Journal, use: Callable[[Journal], T]) -> T:
    try:
        return await asyncio.to_thread(use, journal)
    except OSError as error:
        raise StoreFullError(
            f"The journal of deletions {journal.path} cannot be used: {error}."
        ) from error
