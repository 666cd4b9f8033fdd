"""Jobs by id: inserting, reading and cancelling them, and the outcomes that are still to be posted.

Waiting jobs are in `queue.py`; what engines do with jobs is in `claims.py`.
"""

from collections.abc import Sequence

import aiosqlite

from core.database import job_updates
from core.database.audit_log import record, record_for_member
from core.database.connection import Database
from core.database.dead_letters import readable_jobs
from core.database.interactions import once
from core.database.journal_replay import reserve_id
from core.database.response_tokens import insert_token
from core.database.rows import readable, rows_of
from core.fair_queue import start_time
from core.job import DeadLetter, Job, NewJob, Reason
from core.moderation import AuditAction
from core.prompt_search import searchable_text


class Jobs:
    """The jobs of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, new: NewJob) -> Job:
        """Puts a job into the queue. Once this returns, a power cut does not lose it."""
        async with self._database.transaction() as db:
            return await insert_job(db, self._database, new)

    async def get(self, job_id: int) -> Job | None:
        """The job with this id; None if there is none that can be read."""
        return await self._first("SELECT * FROM jobs WHERE id = ?", job_id)

    async def by_message(self, message_id: int) -> Job | None:
        """The job of a job message."""
        return await self._first("SELECT * FROM jobs WHERE message_id = ? LIMIT 1", message_id)

    async def in_message(self, channel_id: int, message_id: int) -> Job | None:
        """The job that a recorded message shows, such as a job message, a copy or a report."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT jobs.* FROM messages JOIN jobs ON jobs.id = job_id"
                " WHERE messages.channel_id = ? AND messages.message_id = ? LIMIT 1",
                (channel_id, message_id),
            )
        jobs = await readable_jobs(self._database, rows)
        return jobs[0] if jobs else None

    async def in_group(self, message_id: int) -> list[Job]:
        """The jobs that a group message links to, without deleted ones; the oldest first."""
        return await self._read(
            "SELECT jobs.* FROM messages JOIN jobs ON jobs.id = job_id"
            " WHERE messages.message_id = ? AND messages.kind = 'group' AND deleted_at IS NULL"
            " ORDER BY jobs.id",
            (message_id,),
        )

    async def descendants(self, job_id: int, limit: int = 10) -> list[Job]:
        """Jobs that repeat, vary or continue this one; the newest first."""
        return await self._read(
            "SELECT * FROM jobs WHERE parent_id = ? ORDER BY id DESC LIMIT ?", (job_id, limit)
        )

    async def cancel(
        self,
        job_id: int,
        member_id: int | None = None,
        reason: Reason | None = None,
        actor_id: int | None = None,
    ) -> Job | None:
        """Cancels a queued or running job and returns it; None if there was none to cancel.

        With `member_id`, only if it is that member's own job. The audit log records it if
        `actor_id` is given and it is somebody else's job.
        """
        now = self._database.now()
        async with once(self._database) as db:
            if member_id is not None:
                own = "SELECT 1 FROM jobs WHERE id = ? AND member_id = ?"
                if not await rows_of(db, own, (job_id, member_id)):
                    return None
            jobs = await job_updates.cancel(db, [job_id], reason, now)
            return await _recorded(db, now, AuditAction.CANCEL, jobs, actor_id)

    async def request_stop(self, job_id: int, actor_id: int | None = None) -> Job | None:
        """Asks the engine to end a running job with the image so far; None if it does not run.

        The audit log records it if `actor_id` is given and it is somebody else's job.
        """
        now = self._database.now()
        async with once(self._database) as db:
            jobs = await job_updates.request_stop(db, job_id, now)
            return await _recorded(db, now, AuditAction.STOP, jobs, actor_id)

    async def move(self, job_id: int, channel_id: int) -> None:
        """Moves a job to another channel, where it has no message yet."""
        async with self._database.transaction() as db:
            await job_updates.set_channel(db, job_id, channel_id, self._database.now())

    # -- outcomes --------------------------------------------------------------------------

    async def unposted(self, limit: int = 100) -> list[Job]:
        """Jobs that ended, but whose outcome has not been posted yet; the oldest first."""
        return await self._read(
            "SELECT * FROM jobs WHERE finished_at IS NOT NULL AND posted = 0"
            " AND reason_code IS NOT 'unreadable' ORDER BY finished_at, id LIMIT ?",
            (limit,),
        )

    async def unposted_dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Unreadable jobs whose messages do not say so yet."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT * FROM jobs WHERE reason_code = 'unreadable' AND posted = 0"
                " ORDER BY id LIMIT ?",
                (limit,),
            )
        return readable("jobs", rows, DeadLetter.from_row)

    async def dead_letters(self) -> list[int]:
        """The ids of all unreadable jobs, the newest first."""
        async with self._database.read() as db:
            sql = "SELECT id FROM jobs WHERE reason_code = 'unreadable' ORDER BY id DESC"
            return [row["id"] for row in await rows_of(db, sql)]

    async def mark_posted(self, job_id: int, redraws: int = 0) -> None:
        """Records that the outcome has been posted, unless `repost` was called since.

        `redraws` is that of the job as it was posted.
        """
        async with self._database.transaction() as db:
            await job_updates.mark_posted(db, job_id, redraws, self._database.now())

    async def mark_dead_letter_posted(self, letter: DeadLetter) -> None:
        """Like `mark_posted`; also records it in the server's audit log, once."""
        now = self._database.now()
        async with self._database.transaction() as db:
            await job_updates.mark_posted(db, letter.id, letter.redraws, now)
            recorded = "SELECT 1 FROM audit_log WHERE guild_id = ? AND action = ? AND job_id = ?"
            entry = (letter.guild_id, AuditAction.UNREADABLE.value, letter.id)
            if letter.guild_id is None or await rows_of(db, recorded, entry):
                return
            await record(
                db,
                now,
                letter.guild_id,
                AuditAction.UNREADABLE,
                None,
                target_id=letter.member_id,
                job_id=letter.id,
            )

    async def repost(self, job_id: int) -> None:
        """Has the outcome of an ended job posted again: something else may have overwritten it."""
        async with self._database.transaction() as db:
            await job_updates.repost(db, job_id, self._database.now())

    async def _first(self, sql: str, number: int) -> Job | None:
        jobs = await self._read(sql, (number,))
        return jobs[0] if jobs else None

    async def _read(self, sql: str, parameters: Sequence[int]) -> list[Job]:
        async with self._database.read() as db:
            rows = await rows_of(db, sql, parameters)
        return await readable_jobs(self._database, rows)


async def _recorded(
    db: aiosqlite.Connection,
    now: float,
    action: AuditAction,
    jobs: Sequence[Job],
    actor_id: int | None,
) -> Job | None:
    """Records the change of a job in the audit log; returns the job, None if there is none."""
    for job in jobs:
        if actor_id is not None:
            await record_for_member(
                db, now, job.guild_id, action, actor_id, member_id=job.member_id, job_id=job.id
            )
        return job
    return None


async def insert_job(db: aiosqlite.Connection, database: Database, new: NewJob) -> Job:
    """Puts a job into the queue, within a transaction of this database."""
    recipe = new.recipe.model_dump_json()
    (turns,) = await rows_of(
        db,
        "SELECT (SELECT turn + pictures FROM jobs WHERE member_id = :member_id"
        " AND priority = :priority AND (state = 'queued' OR started_at IS NOT NULL)"
        " ORDER BY turn DESC LIMIT 1) AS previous,"
        " (SELECT turn FROM virtual_time WHERE priority = :priority) AS now",
        {"member_id": new.member_id, "priority": new.priority},
    )
    (row,) = await rows_of(
        db,
        "INSERT INTO jobs (recipe, pictures, work, steps, source_job_id, prompt_text,"
        " guild_id, channel_id, message_id, member_id, member_name, priority, parent_id,"
        " most_running, spoilered, age_restricted, locale, kind, model, turn, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (
            recipe,
            new.recipe.count,
            new.recipe.work,
            new.recipe.steps,
            new.recipe.source.job if new.recipe.source else None,
            searchable_text(recipe.encode()),
            new.guild_id,
            new.channel_id,
            new.message_id,
            new.member_id,
            new.member_name,
            new.priority,
            new.parent_id,
            new.most_running,
            new.spoilered,
            new.age_restricted,
            new.locale,
            new.kind.value,
            new.recipe.model,
            start_time(turns["now"] or 0, turns["previous"]),
            database.now(),
        ),
    )
    await reserve_id(db, database.journal, database.now(), row["id"])
    if new.interaction_id is not None:
        await db.execute(
            "UPDATE pending_responses SET job_id = ? WHERE interaction_id = ?",
            (row["id"], new.interaction_id),
        )
    if new.response_token is not None:
        await insert_token(db, row["id"], new.response_token)
    return Job.from_row(row)
