"""All UPDATEs of the table `jobs`, for the repositories to call inside their transactions.

queued → running → done | failed | cancelled; a queued job can also be cancelled, and a running one
requeued. Each function takes the connection of an open transaction and the ids of jobs. Jobs whose
state does not allow the change are skipped.

A row that cannot be read becomes a dead letter: a failed job with the reason `unreadable`. SQLite
refuses to update a row that has a value of the wrong type, whichever column the UPDATE sets, so a
statement that fails on such a row is run again after the row is buried.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import aiosqlite

from core.database.column_types import type_checks
from core.database.queries import query
from core.database.rows import report_unreadable, rows_of
from core.job import DeadLetter, Job, Reason, ReasonCode, State

_CHOSEN = "id IN (SELECT value FROM json_each(:ids))"
_LIVE = "state IN ('queued', 'running')"
_END = (
    "finished_at = :now, lease_until = NULL, reason_code = :reason_code,"
    " reason_params = :reason_params, reason_text = :reason_text"
)

# -- states ----------------------------------------------------------------------------------------


async def claim(
    db: aiosqlite.Connection, job_id: int, engine: str, lease_until: float, now: float
) -> list[Job]:
    """Gives a queued job to an engine."""
    return await _update(
        db,
        [job_id],
        "state = 'running', engine = :engine, lease_until = :lease_until, started_at = :now,"
        " attempts = attempts + 1, step = 0",
        now,
        allowed="state = 'queued'",
        values={"engine": engine, "lease_until": lease_until},
    )


async def cancel(
    db: aiosqlite.Connection, job_ids: Iterable[int], reason: Reason | None, now: float
) -> list[Job]:
    """Cancels queued and running jobs; returns them as they are now."""
    return await _update(
        db, job_ids, f"state = 'cancelled', {_END}", now, allowed=_LIVE, values=_columns(reason)
    )


async def requeue(
    db: aiosqlite.Connection, job_ids: Iterable[int], now: float, *, attempt_counts: bool
) -> list[Job]:
    """Returns running jobs to their old places in the queue."""
    return await _update(
        db,
        job_ids,
        "state = 'queued', engine = NULL, lease_until = NULL, step = 0,"
        " attempts = attempts - :uncounted",
        now,
        allowed="state = 'running'",
        values={"uncounted": int(not attempt_counts)},
    )


async def finish(
    db: aiosqlite.Connection,
    job_ids: Iterable[int],
    state: State,
    reason: Reason | None,
    now: float,
    step: int | None = None,
) -> list[Job]:
    """Ends running jobs as done or failed, at this step if it is given."""
    values = {"state": state.value, "step": step} | _columns(reason)
    change = f"state = :state, step = coalesce(:step, step), {_END}"
    return await _update(db, job_ids, change, now, allowed="state = 'running'", values=values)


async def set_spoilered(db: aiosqlite.Connection, job_id: int, now: float) -> None:
    """Marks the images of a job as spoilers."""
    await _update(db, [job_id], "spoilered = 1", now)


async def hold(db: aiosqlite.Connection, job_id: int, now: float) -> None:
    """Hides the images of a job until `release`."""
    await _update(db, [job_id], "held = 1", now)


async def release(db: aiosqlite.Connection, job_id: int, now: float) -> None:
    """Has the images of a held job posted after all."""
    await _update(
        db,
        [job_id],
        "held = 0, posted = 0, redraws = redraws + 1",
        now,
        allowed="held = 1 AND deleted_at IS NULL",
    )


async def refuse_held(db: aiosqlite.Connection, job_id: int, now: float) -> list[Job]:
    """Ends a held job without its images; the reason will be posted."""
    return await _update(
        db,
        [job_id],
        "state = 'failed', held = 0, posted = 0, redraws = redraws + 1, reason_code = :reason_code,"
        " reason_params = :reason_params, reason_text = :reason_text",
        now,
        allowed="held = 1 AND deleted_at IS NULL",
        values=_columns(Reason(ReasonCode.IMAGE_REFUSED)),
    )


async def request_stop(db: aiosqlite.Connection, job_id: int, now: float) -> list[Job]:
    """Asks the engine to end a running job at its next step."""
    return await _update(db, [job_id], "stopping = 1", now, allowed="state = 'running'")


# -- places, leases, messages ----------------------------------------------------------------------


async def set_place(
    db: aiosqlite.Connection, job_id: int, priority: int, turn: int, now: float
) -> list[Job]:
    """Moves a waiting job to another place in the queue."""
    return await _update(
        db,
        [job_id],
        "priority = :priority, turn = :turn",
        now,
        allowed="state = 'queued'",
        values={"priority": priority, "turn": turn},
    )


async def set_lease(
    db: aiosqlite.Connection, job_ids: Iterable[int], lease_until: float, now: float
) -> list[Job]:
    """Sets when the leases of running jobs end."""
    return await _update(
        db,
        job_ids,
        "lease_until = :lease_until",
        now,
        allowed="state = 'running'",
        values={"lease_until": lease_until},
    )


async def set_step(db: aiosqlite.Connection, job_id: int, step: int, now: float) -> None:
    """Records the last step of a running job."""
    values = {"step": step}
    await _update(db, [job_id], "step = :step", now, allowed="state = 'running'", values=values)


async def set_message(db: aiosqlite.Connection, job_id: int, message_id: int, now: float) -> None:
    """Records which message shows a job."""
    await _update(db, [job_id], "message_id = :message", now, values={"message": message_id})


async def set_channel(db: aiosqlite.Connection, job_id: int, channel_id: int, now: float) -> None:
    """Moves a job to another channel, where it has no message yet."""
    values = {"channel": channel_id}
    await _update(db, [job_id], "channel_id = :channel, message_id = NULL", now, values=values)


async def mark_posted(db: aiosqlite.Connection, job_id: int, redraws: int, now: float) -> None:
    """Records that the outcome of an ended job is posted, unless a repost was requested since."""
    await _update(
        db,
        [job_id],
        "posted = 1",
        now,
        allowed="redraws = :redraws AND finished_at IS NOT NULL",
        values={"redraws": redraws},
    )


async def repost(db: aiosqlite.Connection, job_id: int, now: float) -> None:
    """Has the outcome of an ended job posted again, unless its images are deleted."""
    await _update(
        db,
        [job_id],
        "posted = 0, redraws = redraws + 1",
        now,
        allowed="finished_at IS NOT NULL AND deleted_at IS NULL",
    )


async def mark_deleted(db: aiosqlite.Connection, job_id: int, now: float) -> None:
    """Records that the images of a job are deleted; there is nothing left to show."""
    await _update(db, [job_id], "deleted_at = COALESCE(deleted_at, :now), posted = 1", now)


async def _update(
    db: aiosqlite.Connection,
    job_ids: Iterable[int],
    assignments: str,
    now: float,
    *,
    allowed: str = "true",
    values: Mapping[str, Any] | None = None,
) -> list[Job]:
    """Updates the jobs for which the condition `allowed` is true; returns them.

    The SQL can use the parameters in `values`, and :now.
    """
    parameters = {"ids": json.dumps(list(job_ids)), "now": now} | dict(values or {})
    # NOT INDEXED: look up the ids rather than scan all jobs in a state.
    sql = f"UPDATE jobs NOT INDEXED SET {assignments} WHERE {_CHOSEN} AND {allowed} RETURNING *"
    try:
        rows = await rows_of(db, sql, parameters)
    except sqlite3.IntegrityError:  # a value of the wrong type: which job has it?
        chosen = await rows_of(db, f"SELECT * FROM jobs WHERE {_CHOSEN}", parameters)
        await decode_or_bury(db, chosen, now)
        await bury_damaged(db, now, _CHOSEN, parameters)
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
    """Turns jobs into dead letters, with a statement that reads no recipe.

    Their messages still have to say so, even if they show images, except for deleted jobs.
    """
    for job_id in job_ids:
        values = {"id": job_id, "now": now}
        try:
            for row in await rows_of(
                db,
                "UPDATE jobs SET state = 'failed', finished_at = COALESCE(finished_at, :now),"
                " lease_until = NULL, reason_code = 'unreadable', reason_params ="
                " json_object('posted', json(iif(state = 'done' AND posted, 'true', 'false'))),"
                " reason_text = NULL, posted = deleted_at IS NOT NULL, redraws = redraws + 1"
                " WHERE id = :id RETURNING *",
                values,
            ):
                DeadLetter.from_row(row)
        except (sqlite3.IntegrityError, ValueError):
            await db.execute(query("bury_damaged"), values)


async def bury_damaged(
    db: aiosqlite.Connection,
    now: float,
    chosen: str = "true",
    parameters: Mapping[str, Any] | None = None,
) -> None:
    """Turns those of the chosen jobs that have a value of the wrong type into dead letters."""
    damaged = (await type_checks(db, "jobs")).damaged
    sql = f"SELECT id FROM jobs WHERE {chosen} AND {damaged}"
    job_ids = [row["id"] for row in await rows_of(db, sql, parameters or {})]
    for job_id in job_ids:
        report_unreadable("jobs", job_id, "IntegrityError")
    await bury(db, job_ids, now)


def _columns(reason: Reason | None) -> dict[str, str | None]:
    reason = reason or Reason()
    return {
        "reason_code": reason.code,
        "reason_params": json.dumps(dict(reason.params)),
        "reason_text": reason.text,
    }
