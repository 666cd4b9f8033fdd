"""Carries out the journal of deletions (see `core.database.journal`) in a database.

The database stores the position (in bytes) up to which it has done so. After a crash or a restored
backup, it carries out the rest.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import aiosqlite

from core.database import job_updates
from core.database.errors import StoreFullError
from core.database.journal import Entry, IdsReserved, JobDeleted, Journal, MemberDeleted
from core.database.queries import query
from core.database.rows import rows_of, value_of
from core.database.schema import statements
from core.job import Reason, ReasonCode

TAKEN_SECONDS = 60.0
"""After this time, another worker may try a deletion that was taken, and anything that a running
engine or a message in flight may have left behind is deleted."""
NONCE_SECONDS = 600.0
"""Discord recognises a message by its nonce for no longer than this."""
RESERVED = 1000  #: how many job ids are reserved at a time

_SOURCE_DELETED = Reason(ReasonCode.SOURCE_DELETED)

T = TypeVar("T")


async def is_behind(db: aiosqlite.Connection, journal: Journal) -> bool:
    """Whether the journal has entries that this database lacks."""
    return await _position(db) < await _in_thread(journal, Journal.end)


async def carry_out(
    db: aiosqlite.Connection, journal: Journal, now: float, entry: Entry | None = None
) -> None:
    """Within a transaction: appends an entry to the journal and carries out what is pending."""
    position = min(await _position(db), await _in_thread(journal, Journal.end))
    if entry:
        await _in_thread(journal, lambda journal: journal.append(entry))
    for each in await _in_thread(journal, lambda journal: journal.after(position)):
        match each:
            case MemberDeleted():
                await _delete_member(db, each, now)
            case JobDeleted():
                await _delete_job(db, each, now)
            case IdsReserved():
                await _run(db, "raise_numbers", asdict(each))
    await _set_position(db, journal)


async def _delete_member(db: aiosqlite.Connection, entry: MemberDeleted, now: float) -> None:
    values = asdict(entry) | _times(now)
    await _run(db, "delete_images_of_member", values)
    rows = await rows_of(db, query("jobs_from_member"), values)
    await job_updates.cancel(db, [row["id"] for row in rows], _SOURCE_DELETED, now)
    await _run(db, "delete_member", values)


async def _delete_job(db: aiosqlite.Connection, entry: JobDeleted, now: float) -> None:
    # `finished_at IS NULL` lets SQLite use the index jobs_by_source.
    rows = await rows_of(
        db,
        "SELECT id FROM jobs WHERE source_job_id = ? AND finished_at IS NULL AND state = 'queued'",
        (entry.job,),
    )
    await job_updates.cancel(db, [row["id"] for row in rows], _SOURCE_DELETED, now)
    was_running = await value_of(
        db, "SELECT 1 FROM jobs WHERE id = ? AND state = 'running'", (entry.job,)
    )
    # A deleted job has ended, so it can only be queued or running in a restored backup.
    reason = Reason(ReasonCode.DELETED_BY_MODERATOR)
    await job_updates.cancel(db, [entry.job], reason, now)
    await job_updates.mark_deleted(db, entry.job, now)
    values = asdict(entry) | _times(now) | {"was_running": bool(was_running)}
    await _run(db, "delete_job", values)


async def _run(db: aiosqlite.Connection, name: str, values: Mapping[str, Any]) -> None:
    for statement in statements(query(name)):
        await db.execute(statement, values)


def _times(now: float) -> dict[str, float]:
    return {"now": now, "later": now + TAKEN_SECONDS, "forgotten": now - NONCE_SECONDS}


async def reserve_id(db: aiosqlite.Connection, journal: Journal, now: float, job_id: int) -> None:
    """Records a job's id in the journal before it is committed, 1,000 ids at a time."""
    if job_id <= journal.reserved_here:
        return
    end = await _in_thread(journal, Journal.end)
    reserved = job_id + RESERVED
    await _in_thread(journal, lambda journal: journal.append(IdsReserved(reserved, now)))
    if await _position(db) >= end:
        await _set_position(db, journal)
    journal.reserved_here = reserved


async def _position(db: aiosqlite.Connection) -> int:
    """The byte up to which this database has carried out the journal; 0 if that is damaged.

    Carrying out an entry twice does no harm.
    """
    found = await value_of(db, "SELECT position FROM deletion_journal")
    return found if isinstance(found, int) and found >= 0 else 0


async def _set_position(db: aiosqlite.Connection, journal: Journal) -> None:
    """Records that this database has carried out the whole journal."""
    end = await _in_thread(journal, Journal.end)
    await db.execute("UPDATE deletion_journal SET position = ?", (end,))


async def _in_thread(journal: Journal, use: Callable[[Journal], T]) -> T:
    try:
        return await asyncio.to_thread(use, journal)
    except OSError as error:
        raise StoreFullError(
            f"The journal of deletions {journal.path} can't be used: {error}."
        ) from error
