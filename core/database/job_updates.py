"""Every UPDATE of the table `jobs`, for the repositories to call inside their transactions.

queued → running → done | failed | cancelled; a queued job may be cancelled, too, and a running one
requeued. Each function takes the connection of an open transaction, and ids: whoever calls it has
chosen the jobs. Jobs whose state does not allow the change are left out.

A row that cannot be read becomes a dead letter: a failed job with the reason `unreadable`. SQLite
refuses to update a row that holds a value of the wrong type, whichever column the UPDATE sets, so
each statement that meets such a row is run again once the row is buried.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import aiosqlite

from core.database.queries import query
from core.database.rows import report_unreadable, rows_of
from core.job import DeadLetter, Job, Reason, ReasonCode, State

_CHOSEN = "id IN (SELECT value FROM json_each(:ids))"

# -- states ----------------------------------------------------------------------------------------


async def claim(
    db: aiosqlite.Connection, job_id: int, engine: str, lease_until: float, now: float
) -> list[Job]:
    """Gives a queued job to an engine."""
    return await _change(
        db,
        [job_id],
        "UPDATE jobs SET state = 'running', engine = :engine, lease_until = :lease_until,"
        " started_at = :now, attempts = attempts + 1, step = 0"
        f" WHERE {_CHOSEN} AND state = 'queued' RETURNING *",
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
        f" WHERE {_CHOSEN} AND state IN ('queued', 'running')"
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
        f" WHERE {_CHOSEN} AND state = 'running' RETURNING *",
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
        f" WHERE {_CHOSEN} AND state = 'running' RETURNING *",
        {"state": state.value, "now": now} | _columns(reason),
        now,
    )


async def request_stop(db: aiosqlite.Connection, job_id: int, now: float) -> list[Job]:
    """Marks a running job to be ended by its engine at its next step."""
    return await _change(
        db,
        [job_id],
        f"UPDATE jobs SET stopping = 1 WHERE {_CHOSEN} AND state = 'running' RETURNING *",
        {},
        now,
    )


# -- places, leases, messages ----------------------------------------------------------------------


async def move_up(db: aiosqlite.Connection, guild_id: int, job_id: int, now: float) -> list[Job]:
    """Makes a waiting job its server's next."""
    return await _change(db, [job_id], query("move_up"), {"guild_id": guild_id}, now)


async def set_lease(
    db: aiosqlite.Connection, job_ids: Iterable[int], lease_until: float, now: float
) -> list[Job]:
    """Sets until when running jobs belong to their engines."""
    return await _change(
        db,
        job_ids,
        f"UPDATE jobs SET lease_until = :lease_until WHERE {_CHOSEN} AND state = 'running'"
        " RETURNING *",
        {"lease_until": lease_until},
        now,
    )


async def set_steps(db: aiosqlite.Connection, steps: Mapping[int, int]) -> None:
    """Records the last steps of running jobs that have just been decoded, by their ids."""
    await db.executemany(
        "UPDATE jobs SET step = ? WHERE id = ? AND state = 'running'",
        [(step, job_id) for job_id, step in steps.items()],
    )


async def set_message(db: aiosqlite.Connection, job_id: int, message_id: int, now: float) -> None:
    """Records which message shows a job."""
    await _change(
        db,
        [job_id],
        f"UPDATE jobs SET message_id = :message_id WHERE {_CHOSEN} RETURNING *",
        {"message_id": message_id},
        now,
    )


async def set_channel(db: aiosqlite.Connection, job_id: int, channel_id: int, now: float) -> None:
    """Shows a job in another channel, where it has no message yet."""
    await _change(
        db,
        [job_id],
        f"UPDATE jobs SET channel_id = :channel_id, message_id = NULL WHERE {_CHOSEN} RETURNING *",
        {"channel_id": channel_id},
        now,
    )


async def mark_posted(db: aiosqlite.Connection, job_id: int, redraws: int, now: float) -> None:
    """Records that the outcome of an ended job has been shown as often as it was asked for."""
    await _change(
        db,
        [job_id],
        f"UPDATE jobs SET posted = 1 WHERE {_CHOSEN} AND redraws = :redraws"
        " AND finished_at IS NOT NULL RETURNING *",
        {"redraws": redraws},
        now,
    )


async def repost(db: aiosqlite.Connection, job_id: int, now: float) -> None:
    """Has the outcome of an ended job shown once more, unless its images are deleted."""
    await _change(
        db,
        [job_id],
        f"UPDATE jobs SET posted = 0, redraws = redraws + 1 WHERE {_CHOSEN}"
        " AND finished_at IS NOT NULL AND deleted_at IS NULL RETURNING *",
        {},
        now,
    )


async def mark_deleted(db: aiosqlite.Connection, job_id: int, now: float) -> None:
    """Records that the images of a job are deleted; there is nothing left to show."""
    await _change(
        db,
        [job_id],
        "UPDATE jobs SET deleted_at = COALESCE(deleted_at, :now), posted = 1"
        f" WHERE {_CHOSEN} RETURNING *",
        {"now": now},
        now,
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
    except sqlite3.IntegrityError:  # a value of the wrong type: which job has it?
        chosen = f"SELECT * FROM jobs WHERE {_CHOSEN}"
        await decode_or_bury(db, await rows_of(db, chosen, parameters), now)
        rows = await rows_of(db, sql, parameters)
    return await decode_or_bury(db, rows, now)


# -- jobs that cannot be read ----------------------------------------------------------------------


async def decode_or_bury(
    db: aiosqlite.Connection, rows: Iterable[sqlite3.Row], now: float
) -> list[Job]:
    """The jobs among rows of an open transaction; unreadable ones become dead letters."""
    jobs, unreadable = decoded(rows)
    await bury(db, unreadable, now)
    return jobs


def decoded(rows: Iterable[sqlite3.Row]) -> tuple[list[Job], list[int]]:
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


async def bury(db: aiosqlite.Connection, job_ids: Iterable[int], now: float) -> None:
    """Makes jobs dead letters, by a statement that reads no recipe."""
    for job_id in job_ids:
        values = {"id": job_id, "now": now}
        try:
            for row in await rows_of(
                db,
                "UPDATE jobs SET state = 'failed', finished_at = COALESCE(finished_at, :now),"
                " lease_until = NULL, reason_code = 'unreadable', reason_params = '{}',"
                " reason_text = NULL WHERE id = :id RETURNING *",
                values,
            ):
                DeadLetter.from_row(row)
        except (sqlite3.IntegrityError, ValueError):
            await db.execute(query("bury_damaged"), values)


def _columns(reason: Reason | None) -> dict[str, str | None]:
    reason = reason or Reason()
    return {
        "reason_code": reason.code,
        "reason_params": json.dumps(dict(reason.params)),
        "reason_text": reason.text,
    }
