"""The queue and its history: what jobs are there, whose is next, and what becomes of each.

What `Store.add` has returned survives a power cut. How the file is opened, read and changed is in
`core.database.connection`; what else is asked of it stands beside: `core.database.members`,
`core.database.moderation`, `core.storage.retention`.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import aiosqlite

from core.database.connection import (
    Database,
    Parameters,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
    StoreTooNewError,
    rows_of,
    value_of,
)
from core.database.deletions import Deletions
from core.fair_queue import turn_on_arrival
from core.i18n import ENGLISH, mark
from core.job import Job, State
from core.recipe import Recipe

__all__ = [
    "Store",
    "StoreDamagedError",
    "StoreError",
    "StoreFullError",
    "StoreLockedError",
    "StoreReadOnlyError",
    "StoreTooNewError",
    "Tally",
    "as_job",
]

MAX_ATTEMPTS = 3  #: a job that stopped an engine this often is not tried again
STOPPED_TOO_OFTEN = mark("The engine stopped 3 times while painting this.")
MEASURED_JOBS = 20  #: the wait is estimated from so many finished jobs
LONGEST_LEASE = 3600.0  #: seconds; no engine holds a job for longer without a word

_NOT_PAUSED = (
    "(guild_id IS NULL OR guild_id NOT IN"
    " (SELECT guild_id FROM guilds WHERE paused_at IS NOT NULL))"
)

# Jobs and work before a place in the order of `core.fair_queue.claim_order`, as `position` counts
# them: sums over whole stretches (see migration 5), ever shorter ones towards the place, and the
# jobs of its last stretch one by one. Those of paused servers, but for its own, are taken off.
_AHEAD = f"""
WITH whose (guild_id, sign) AS (
    SELECT 0, 1
    UNION ALL
    SELECT guild_id, -1 FROM guilds WHERE paused_at IS NOT NULL AND guild_id IS NOT :guild
),
whole (level, priority, turns, ids, jobs, work) AS NOT MATERIALIZED (
    SELECT level, priority, turns, ids, sign * jobs, sign * work
    FROM whose CROSS JOIN stretches USING (guild_id)
),
ahead (jobs, work) AS (
    SELECT jobs, work FROM whole WHERE level = 2 AND priority > :priority
    UNION ALL
    SELECT jobs, work FROM whole
    WHERE level = 2 AND priority = :priority AND turns < :turn >> 10
    UNION ALL
    SELECT jobs, work FROM whole
    WHERE level = 1 AND priority = :priority AND turns >= :turn >> 10 << 10 AND turns < :turn
    UNION ALL
    SELECT jobs, work FROM whole
    WHERE level = 0 AND priority = :priority AND turns = :turn AND ids < :id >> 10
    UNION ALL
    SELECT 1, work FROM jobs
    WHERE state = 'queued' AND priority = :priority AND turn = :turn
    AND id >= :id >> 10 << 10 AND id < :id AND (guild_id IS :guild OR {_NOT_PAUSED})
)
SELECT TOTAL(jobs) AS jobs, TOTAL(work) AS work FROM ahead"""

_WAITING_COUNT = "SELECT TOTAL(jobs) FROM stretches WHERE guild_id = 0 AND level = 2"

# The next job: of each server that has any waiting, and is not paused, the first that may be
# painted now, and of those the first. So nobody has to look through the jobs of a paused server.
# The servers are found one after the other; the last one, NULL, is the direct conversations.
_NEXT = f"""
WITH RECURSIVE servers (guild_id) AS (
    SELECT 0
    UNION ALL
    SELECT (
        SELECT MIN(guild_id) FROM jobs INDEXED BY jobs_waiting_in_guild
        WHERE state = 'queued' AND guild_id > servers.guild_id
    )
    FROM servers WHERE guild_id IS NOT NULL
)
SELECT id FROM jobs WHERE id IN (
    SELECT (
        SELECT id FROM jobs INDEXED BY jobs_waiting_in_guild
        WHERE state = 'queued' AND guild_id IS servers.guild_id
        AND (most_running IS NULL OR most_running > (
            SELECT COUNT(*) FROM jobs AS running WHERE running.state = 'running'
            AND running.member_id = jobs.member_id AND running.guild_id IS jobs.guild_id
        ))
        ORDER BY priority DESC, turn, id LIMIT 1
    )
    FROM servers WHERE {_NOT_PAUSED}
)
ORDER BY priority DESC, turn, id LIMIT 1"""

_EXPIRED = "state = 'running' AND (lease_until < :now OR lease_until > :latest)"


@dataclass(frozen=True, slots=True)
class Tally:
    """The queue in numbers."""

    waiting: int
    running: int
    unposted: int
    """Jobs that ended and are not shown yet."""
    oldest: float | None
    """When the waiting job that is the oldest was asked for, in seconds since 1970."""


class Store(Database):
    """The jobs of one database file. Safe to share among the tasks of one event loop."""

    @cached_property
    def deletions(self) -> Deletions:
        return Deletions(self)

    async def _prepare(self) -> None:
        await super()._prepare()
        await self.deletions.carry_out_journal()

    # -- asking ----------------------------------------------------------------------------

    async def add(
        self,
        recipe: Recipe,
        *,
        guild_id: int | None,
        channel_id: int,
        message_id: int | None,
        member_id: int,
        member_name: str,
        priority: int = 0,
        parent_id: int | None = None,
        most_running: int | None = None,
        spoilered: bool = False,
        age_restricted: bool = False,
        locale: str = ENGLISH,
        interaction_id: int | None = None,
    ) -> Job:
        """Puts a job into the queue. Once this returns, a power cut does not lose it.

        With `most_running`, 1 or more, it waits while so many of the member's are painted there.
        `interaction_id` names the pending response that waits for it (see
        `core.database.pending_responses`).
        """
        async with self.transaction() as db:
            (line,) = await rows_of(
                db,
                "SELECT (SELECT turn + pictures FROM jobs WHERE member_id = :member"
                " AND priority = :priority AND (state = 'queued' OR started_at IS NOT NULL)"
                " ORDER BY turn DESC LIMIT 1) AS previous,"
                " (SELECT turn FROM virtual_time WHERE priority = :priority) AS now",
                {"member": member_id, "priority": priority},
            )
            job = await _one(
                db,
                "INSERT INTO jobs (recipe, pictures, work, guild_id, channel_id, message_id,"
                " member_id, member_name, priority, parent_id, most_running, spoilered,"
                " age_restricted, locale, turn, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " RETURNING *",
                (
                    recipe.model_dump_json(),
                    recipe.count,
                    recipe.work,
                    guild_id,
                    channel_id,
                    message_id,
                    member_id,
                    member_name,
                    priority,
                    parent_id,
                    most_running,
                    spoilered,
                    age_restricted,
                    locale,
                    turn_on_arrival(line["now"] or 0, line["previous"]),
                    self._clock(),
                ),
            )
            await self.deletions.reserve_number(db, job.id)
            if interaction_id is not None:
                await db.execute(
                    "UPDATE answers SET job_id = ? WHERE interaction_id = ?",
                    (job.id, interaction_id),
                )
            return job

    async def move(self, job_id: int, channel_id: int) -> None:
        """Shows a job in another channel, where it has no message yet."""
        async with self.transaction() as db:
            await db.execute(
                "UPDATE jobs SET channel_id = ?, message_id = NULL WHERE id = ?",
                (channel_id, job_id),
            )

    async def cancel(
        self, job_id: int, member_id: int | None = None, reason: str | None = None
    ) -> Job | None:
        """Cancels a queued or running job at once; the cancelled job, or None if it did not apply.

        With `member_id` only that member's own job; without, anybody's (a moderator's word).
        """
        async with self.transaction() as db:
            return await _one_or_none(
                db,
                "UPDATE jobs SET state = 'cancelled', reason = :reason, finished_at = :now,"
                " lease_until = NULL WHERE id = :id AND state IN ('queued', 'running')"
                " AND (:member IS NULL OR member_id = :member) RETURNING *",
                {"id": job_id, "member": member_id, "reason": reason, "now": self._clock()},
            )

    async def stop(self, job_id: int) -> Job | None:
        """Asks the engine to end a running job with what is there; None if it is not running."""
        async with self.transaction() as db:
            return await _one_or_none(
                db,
                "UPDATE jobs SET stopping = 1 WHERE id = ? AND state = 'running' RETURNING *",
                (job_id,),
            )

    # -- looking ---------------------------------------------------------------------------

    async def job(self, job_id: int) -> Job | None:
        """The job of this number, None if there is none."""
        async with self.read() as db:
            return await _one_or_none(db, "SELECT * FROM jobs WHERE id = ?", (job_id,))

    async def job_of_message(self, message_id: int) -> Job | None:
        """The job whose card a message holds."""
        async with self.read() as db:
            return await _one_or_none(
                db, "SELECT * FROM jobs WHERE message_id = ? LIMIT 1", (message_id,)
            )

    async def position(self, job_id: int) -> int | None:
        """The place of a waiting job in the queue, 1 = next; None if it does not wait.

        Jobs of servers that are paused are in nobody's way but their own.
        """
        async with self.snapshot() as db:
            if (job := await _waiting(db, job_id)) is None:
                return None
            jobs, _ = await _ahead(db, job)
            return 1 + jobs

    async def wait_seconds(self, job_id: int) -> float | None:
        """About how long until a waiting job is claimed, from the speed of the latest jobs.

        None if it does not wait, no job has been painted yet, or its server is paused.
        """
        async with self.snapshot() as db:
            if (job := await _waiting(db, job_id)) is None:
                return None
            if (seconds_per_work := await _seconds_per_work(db)) is None:
                return None
            if await _is_paused(db, job.guild_id):
                return None
            _, work = await _ahead(db, job)
            begun = await value_of(
                db,
                "SELECT TOTAL(work * (1 - 1.0 * step / json_extract(recipe, '$.steps')))"
                " FROM jobs WHERE state = 'running'",
            )
            return (work + float(begun)) * seconds_per_work

    async def waiting(self, limit: int = 25, offset: int = 0) -> list[Job]:
        """Waiting jobs in the order in which they will be claimed.

        Those that may not be claimed now keep their places (see `claim`).
        """
        async with self.read() as db:
            return await _all(
                db,
                "SELECT * FROM jobs WHERE state = 'queued'"
                " ORDER BY priority DESC, turn, id LIMIT ? OFFSET ?",
                (limit, offset),
            )

    async def waiting_count(self) -> int:
        """How many jobs wait."""
        async with self.read() as db:
            return int(await value_of(db, _WAITING_COUNT))

    async def tally(self) -> Tally:
        """The queue in numbers."""
        async with self.read() as db:
            (row,) = await rows_of(
                db,
                f"SELECT ({_WAITING_COUNT}) AS waiting,"
                " (SELECT MIN(created_at) FROM jobs INDEXED BY jobs_waiting_by_age"
                " WHERE state = 'queued') AS oldest,"
                " (SELECT COUNT(*) FROM jobs WHERE state = 'running') AS running,"
                " (SELECT COUNT(*) FROM jobs WHERE finished_at IS NOT NULL AND posted = 0)"
                " AS unposted",
            )
        return Tally(int(row["waiting"]), row["running"], row["unposted"], row["oldest"])

    async def unpaused_count(self) -> int:
        """How many of the waiting jobs no pause holds back."""
        async with self.read() as db:
            return int(
                await value_of(
                    db,
                    "SELECT TOTAL(CASE guild_id WHEN 0 THEN jobs ELSE -jobs END) FROM stretches"
                    " WHERE level = 2 AND (guild_id = 0 OR guild_id IN"
                    " (SELECT guild_id FROM guilds WHERE paused_at IS NOT NULL))",
                )
            )

    async def running(self) -> list[Job]:
        """Jobs being painted, the one claimed first at the head."""
        async with self.read() as db:
            return await _all(
                db, "SELECT * FROM jobs WHERE state = 'running' ORDER BY started_at, id"
            )

    async def members_jobs(self, member_id: int) -> list[Job]:
        """A member's jobs that wait or are being painted: running ones first, then in order."""
        async with self.read() as db:
            return await _all(
                db,
                "SELECT * FROM jobs WHERE member_id = ? AND state IN ('queued', 'running')"
                " ORDER BY state = 'queued', priority DESC, turn, id",
                (member_id,),
            )

    # -- painting --------------------------------------------------------------------------

    async def claim(self, engine: str, lease_seconds: float) -> Job | None:
        """Takes the next job for this engine, None if none waits that may be painted now.

        A job waits while its server is paused, and while `most_running` of its asker's are
        painted there.
        `engine` must name one process, not a machine. The lease must be renewed by `heartbeat`.
        """
        async with self.transaction() as db:
            job = await _one_or_none(
                db,
                "UPDATE jobs SET state = 'running', engine = ?, lease_until = ?, started_at = ?,"
                f" attempts = attempts + 1, step = 0 WHERE id = ({_NEXT}) RETURNING *",
                (engine, self._clock() + lease_seconds, self._clock()),
            )
            if job:
                await db.execute(
                    "INSERT INTO virtual_time VALUES (?, ?)"
                    " ON CONFLICT DO UPDATE SET turn = MAX(turn, excluded.turn)",
                    (job.priority, job.turn),
                )
            return job

    async def heartbeat(
        self, engine: str, lease_seconds: float, steps: Mapping[int, int] | None = None
    ) -> set[int]:
        """Renews the leases of all jobs of this engine and records their steps.

        `steps` maps job ids to the last step done; ids that are no longer this engine's are
        ignored. Returns the ids that still are: what is missing was cancelled or taken away.
        """
        async with self.transaction() as db:
            await db.execute(
                "UPDATE jobs SET lease_until = ? WHERE state = 'running' AND engine = ?",
                (self._clock() + lease_seconds, engine),
            )
            await db.executemany(
                "UPDATE jobs SET step = ? WHERE id = ? AND state = 'running' AND engine = ?",
                [(step, job_id, engine) for job_id, step in (steps or {}).items()],
            )
            sql = "SELECT id FROM jobs WHERE state = 'running' AND engine = ?"
            return {row["id"] for row in await rows_of(db, sql, (engine,))}

    async def still_mine(self, engine: str) -> dict[int, bool]:
        """The ids of the jobs that this engine is to paint, and whether each is to stop now.

        A read, cheap enough for each step.
        """
        async with self.read() as db:
            sql = "SELECT id, stopping FROM jobs WHERE state = 'running' AND engine = ?"
            return {row["id"]: bool(row["stopping"]) for row in await rows_of(db, sql, (engine,))}

    async def finish(
        self, job_id: int, engine: str, state: State, reason: str | None = None
    ) -> bool:
        """Ends a job as done or failed; False, with no change, if it is not this engine's now.

        It may have been cancelled, or given to another engine after the lease ran out.
        """
        if state not in (State.DONE, State.FAILED):
            raise ValueError(f"an engine ends a job as done or failed, not {state}")
        async with self.transaction() as db:
            cursor = await db.execute(
                "UPDATE jobs SET state = ?, reason = ?, finished_at = ?, lease_until = NULL"
                " WHERE id = ? AND state = 'running' AND engine = ?",
                (state.value, reason, self._clock(), job_id, engine),
            )
            return cursor.rowcount == 1

    async def release(self, job_id: int, engine: str, *, attempt_counts: bool = False) -> bool:
        """Gives a job back to its old place; says whether it was this engine's.

        The attempt does not count where an engine stops in good order.
        """
        async with self.transaction() as db:
            cursor = await db.execute(
                "UPDATE jobs SET state = 'queued', engine = NULL, lease_until = NULL, step = 0,"
                " attempts = attempts - ? WHERE id = ? AND state = 'running' AND engine = ?",
                (not attempt_counts, job_id, engine),
            )
            return cursor.rowcount == 1

    async def requeue_expired(self, lease_seconds: float = LONGEST_LEASE) -> list[Job]:
        """Takes jobs from engines whose lease ran out; returns them as they are now.

        Each goes back to its old place, or fails after the third attempt. A lease of more than
        `lease_seconds` from now was given before the clock went back, and counts as run out: an
        engine that lives gives itself another one sooner than that.
        """
        async with self.transaction() as db:
            now = {
                "now": self._clock(),
                "latest": self._clock() + lease_seconds,
                "most": MAX_ATTEMPTS,
                "reason": STOPPED_TOO_OFTEN,
            }
            failed = await _all(
                db,
                "UPDATE jobs SET state = 'failed', finished_at = :now, lease_until = NULL,"
                " reason = :reason"
                f" WHERE {_EXPIRED} AND attempts >= :most"
                " RETURNING *",
                now,
            )
            queued = await _all(
                db,
                "UPDATE jobs SET state = 'queued', engine = NULL, lease_until = NULL, step = 0"
                f" WHERE {_EXPIRED} RETURNING *",
                now,
            )
            return failed + queued

    # -- showing ---------------------------------------------------------------------------

    async def unposted(self, limit: int = 100) -> list[Job]:
        """Jobs that ended, but whose outcome has not been shown yet; the oldest first."""
        async with self.read() as db:
            return await _all(
                db,
                "SELECT * FROM jobs WHERE finished_at IS NOT NULL AND posted = 0"
                " ORDER BY finished_at, id LIMIT ?",
                (limit,),
            )

    async def mark_posted(self, job_id: int, redraws: int = 0) -> None:
        """Remembers that the outcome has been shown in the channel.

        Not if it was asked for once more meanwhile: `redraws` is the job's, as it was shown.
        """
        async with self.transaction() as db:
            await db.execute(
                "UPDATE jobs SET posted = 1"
                " WHERE id = ? AND redraws = ? AND finished_at IS NOT NULL",
                (job_id, redraws),
            )

    async def show_again(self, job_id: int) -> None:
        """Has the outcome of an ended job shown once more: something else has hidden it."""
        async with self.transaction() as db:
            await db.execute(
                "UPDATE jobs SET posted = 0, redraws = redraws + 1"
                " WHERE id = ? AND finished_at IS NOT NULL AND deleted_at IS NULL",
                (job_id,),
            )


async def _all(db: aiosqlite.Connection, sql: str, parameters: Parameters = ()) -> list[Job]:
    return [as_job(row) for row in await rows_of(db, sql, parameters)]


async def _one_or_none(
    db: aiosqlite.Connection, sql: str, parameters: Parameters = ()
) -> Job | None:
    found = await _all(db, sql, parameters)
    return found[0] if found else None


async def _one(db: aiosqlite.Connection, sql: str, parameters: Parameters = ()) -> Job:
    return (await _all(db, sql, parameters))[0]


async def _waiting(db: aiosqlite.Connection, job_id: int) -> Job | None:
    return await _one_or_none(db, "SELECT * FROM jobs WHERE id = ? AND state = 'queued'", (job_id,))


async def _ahead(db: aiosqlite.Connection, job: Job) -> tuple[int, float]:
    """How many jobs are before a waiting one, and their work."""
    place = {"priority": job.priority, "turn": job.turn, "id": job.id, "guild": job.guild_id}
    (row,) = await rows_of(db, _AHEAD, place)
    return int(row["jobs"]), row["work"]


async def _is_paused(db: aiosqlite.Connection, guild_id: int | None) -> bool:
    sql = "SELECT 1 FROM guilds WHERE guild_id = ? AND paused_at IS NOT NULL"
    return bool(await rows_of(db, sql, (guild_id,)))


async def _seconds_per_work(db: aiosqlite.Connection) -> float | None:
    """Seconds in which one pixel-step was painted, while an engine was at work."""
    rows = await rows_of(
        db,
        "SELECT started_at, finished_at, work FROM jobs WHERE state = 'done'"
        " ORDER BY finished_at DESC LIMIT ?",
        (MEASURED_JOBS,),
    )
    if not rows:
        return None
    busy, until = 0.0, float("-inf")  # jobs are painted side by side: count no second twice
    for row in sorted(rows, key=lambda row: row["started_at"]):
        busy += max(0.0, row["finished_at"] - max(row["started_at"], until))
        until = max(until, row["finished_at"])
    return busy / int(sum(row["work"] for row in rows))


def as_job(row: sqlite3.Row) -> Job:
    columns = {name: row[name] for name in Job.__dataclass_fields__}
    return Job(
        **columns
        | {
            "recipe": Recipe.model_validate_json(row["recipe"]),
            "state": State(row["state"]),
            "posted": bool(row["posted"]),
            "stopping": bool(row["stopping"]),
            "spoilered": bool(row["spoilered"]),
            "age_restricted": bool(row["age_restricted"]),
        }
    )
