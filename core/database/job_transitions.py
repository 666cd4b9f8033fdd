"""Every change of a job's state, for the repositories to call inside their transactions.

queued → running → done | failed | cancelled; a queued job may be cancelled, too, and a running one
requeued. Each function takes the connection of an open transaction, and ids: whoever calls it has
chosen the jobs. Jobs whose state does not allow the change are left out.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import aiosqlite
import structlog

from core.database.connection import Database
from core.database.errors import StoreError
from core.database.queries import query
from core.database.rows import report_unreadable, rows_of
from core.job import Job, Reason, ReasonCode, State

log = structlog.stdlib.get_logger(__name__)


async def claim(
    db: aiosqlite.Connection, job_id: int, engine: str, lease_until: float, now: float
) -> list[Job]:
    """Gives a queued job to an engine."""
    return await _change(
        db,
        [job_id],
        "UPDATE jobs SET state = 'running', engine = :engine, lease_until = :lease_until,"
        " started_at = :now, attempts = attempts + 1, step = 0"
        " WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'queued' RETURNING *",
        {"engine": engine, "lease_until": lease_until, "now": now},
        now,
    )


async def cancel(
    db: aiosqlite.Connection, job_ids: Iterable[int], reason: Reason | None, now: float
) -> list[Job]:
    """Cancels queued and running jobs; returns them as they are now."""
    return await _change(
        db,
        job_ids,
        "UPDATE jobs SET state = 'cancelled', finished_at = :now, lease_until = NULL,"
        " reason_code = :reason_code, reason_params = :reason_params, reason_text = :reason_text"
        " WHERE id IN (SELECT value FROM json_each(:ids)) AND state IN ('queued', 'running')"
        " RETURNING *",
        {"now": now} | _columns(reason),
        now,
    )


async def requeue(
    db: aiosqlite.Connection, job_ids: Iterable[int], now: float, *, attempt_counts: bool
) -> list[Job]:
    """Returns running jobs to their old places in the queue."""
    return await _change(
        db,
        job_ids,
        "UPDATE jobs SET state = 'queued', engine = NULL, lease_until = NULL, step = 0,"
        " attempts = attempts - :uncounted"
        " WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'running' RETURNING *",
        {"uncounted": int(not attempt_counts)},
        now,
    )


async def finish(
    db: aiosqlite.Connection,
    job_ids: Iterable[int],
    state: State,
    reason: Reason | None,
    now: float,
) -> list[Job]:
    """Ends running jobs as done or failed."""
    return await _change(
        db,
        job_ids,
        "UPDATE jobs SET state = :state, finished_at = :now, lease_until = NULL,"
        " reason_code = :reason_code, reason_params = :reason_params, reason_text = :reason_text"
        " WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'running' RETURNING *",
        {"state": state.value, "now": now} | _columns(reason),
        now,
    )


async def request_stop(db: aiosqlite.Connection, job_id: int, now: float) -> list[Job]:
    """Marks a running job to be ended by its engine at its next step."""
    return await _change(
        db,
        [job_id],
        "UPDATE jobs SET stopping = 1"
        " WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'running' RETURNING *",
        {},
        now,
    )


async def repost(db: aiosqlite.Connection, job_id: int) -> None:
    """Has the outcome of an ended job shown once more, unless its images are deleted."""
    await db.execute(
        "UPDATE jobs SET posted = 0, redraws = redraws + 1"
        " WHERE id = ? AND finished_at IS NOT NULL AND deleted_at IS NULL",
        (job_id,),
    )


async def _change(
    db: aiosqlite.Connection,
    job_ids: Iterable[int],
    sql: str,
    values: Mapping[str, Any],
    now: float,
) -> list[Job]:
    """Runs an UPDATE of the jobs in the JSON array :ids; returns those that it returns."""
    parameters = {**values, "ids": json.dumps(list(job_ids))}
    try:
        rows = await rows_of(db, sql, parameters)
    except sqlite3.IntegrityError:  # SQLite updates no row with a value of the wrong type
        chosen = "SELECT * FROM jobs WHERE id IN (SELECT value FROM json_each(?))"
        await decode_or_bury(db, await rows_of(db, chosen, (parameters["ids"],)), now)
        rows = await rows_of(db, sql, parameters)
    return await decode_or_bury(db, rows, now)


# -- jobs that cannot be read ----------------------------------------------------------------------


async def decode_or_bury(
    db: aiosqlite.Connection, rows: Iterable[sqlite3.Row], now: float
) -> list[Job]:
    """The jobs among rows of an open transaction; unreadable ones become dead letters."""
    jobs, unreadable = _decoded(rows)
    await _bury(db, unreadable, now)
    return jobs


async def readable_jobs(database: Database, rows: Iterable[sqlite3.Row]) -> list[Job]:
    """The jobs among rows that were read; unreadable ones become dead letters.

    A reader does not wait for the write lock: if that is taken, the next one buries them.
    """
    jobs, unreadable = _decoded(rows)
    if unreadable:
        try:
            async with database.transaction(wait_seconds=0) as db:
                await _bury(db, unreadable, database.now())
        except StoreError as error:
            log.warning(
                "unreadable jobs are left where they are", jobs=unreadable, error=str(error)
            )
    return jobs


def _decoded(rows: Iterable[sqlite3.Row]) -> tuple[list[Job], list[int]]:
    """The jobs, and the ids of rows that cannot be read and are not dead letters yet."""
    jobs, unreadable = [], []
    for row in rows:
        try:
            jobs.append(Job.from_row(row))
        except ValueError as error:
            if row["reason_code"] != ReasonCode.UNREADABLE:
                unreadable.append(row["id"])
                report_unreadable("jobs", row["id"], type(error).__name__)
    return jobs, unreadable


async def _bury(db: aiosqlite.Connection, job_ids: list[int], now: float) -> None:
    """Makes jobs dead letters: failed, by a statement that reads no recipe."""
    for job_id in job_ids:
        values = {"id": job_id, "now": now}
        try:
            await db.execute(
                "UPDATE jobs SET state = 'failed', finished_at = COALESCE(finished_at, :now),"
                " lease_until = NULL, reason_code = 'unreadable', reason_params = '{}',"
                " reason_text = NULL WHERE id = :id",
                values,
            )
        except sqlite3.IntegrityError:
            await db.execute(query("bury_damaged"), values)


def _columns(reason: Reason | None) -> dict[str, str | None]:
    reason = reason or Reason()
    return {
        "reason_code": reason.code,
        "reason_params": json.dumps(dict(reason.params)),
        "reason_text": reason.text,
    }
