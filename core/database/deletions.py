"""Deletions by members and moderators: rows at once, everything else through an outbox.

The transaction that deletes rows also adds to the outbox what else must go: folders, uploaded
images, messages. `bot.services.deletion` works through the outbox until all of it is gone, whatever
crashes or fails in between. Each deletion is in the journal (see `core.database.journal`) before it
is carried out.
"""

import sqlite3
from dataclasses import dataclass

from core.columns import optional, required
from core.database.audit_log import record_for_member
from core.database.connection import Database
from core.database.interactions import once
from core.database.journal import JobDeleted, MemberDeleted
from core.database.journal_replay import TAKEN_SECONDS, carry_out
from core.database.rows import readable, rows_of, value_of
from core.moderation import AuditAction

FIRST_RETRY, LONGEST_RETRY = 1.0, 600.0  #: seconds; the delay doubles each time


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of a job."""

    job_id: int


@dataclass(frozen=True, slots=True)
class Image:
    """An uploaded image."""

    name: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message that shows a job. It has no id if it was in flight when the job was deleted."""

    channel_id: int
    message_id: int | None
    nonce: str | None


@dataclass(frozen=True, slots=True)
class Deletion:
    """An entry of the outbox."""

    id: int
    target: Folder | Image | Message
    attempts: int
    """How often it has been tried, including this time."""


class Deletions:
    """The deletions of one database. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delete_member(self, member_id: int) -> int:
        """Deletes everything about a member; returns the number of their jobs."""
        async with once(self._database) as db:
            last_job = await value_of(db, "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'")
            jobs = await value_of(db, "SELECT COUNT(*) FROM jobs WHERE member_id = ?", (member_id,))
            # Later than all their uploads and requests, even if the clock was set back.
            latest = await value_of(
                db,
                "SELECT MAX(created_at) FROM (SELECT member_id, created_at FROM uploaded_images"
                " UNION ALL SELECT member_id, created_at FROM pending_responses)"
                " WHERE member_id = ? AND typeof(created_at) = 'real'",  # else damaged
                (member_id,),
            )
            at = max(self._database.now(), latest or 0.0)
            entry = MemberDeleted(member_id, last_job or 0, at)
            await carry_out(db, self._database.journal, self._database.now(), entry)
        return int(jobs)

    async def delete_job(self, job_id: int, actor_id: int) -> bool:
        """Deletes the images and messages of a job that has ended; False if it has not.

        The audit log records it, unless it is the actor's own job.
        """
        now = self._database.now()
        async with once(self._database) as db:
            rows = await rows_of(
                db,
                "SELECT guild_id, member_id FROM jobs WHERE id = ? AND finished_at IS NOT NULL",
                (job_id,),
            )
            for row in rows:
                await carry_out(db, self._database.journal, now, JobDeleted(job_id, None, now))
                await record_for_member(
                    db,
                    now,
                    row["guild_id"],
                    AuditAction.DELETE,
                    actor_id,
                    member_id=row["member_id"],
                    job_id=job_id,
                )
        return bool(rows)

    # -- the outbox ------------------------------------------------------------------------

    async def take(self) -> Deletion | None:
        """Takes the next deletion that is due, so no other worker tries it; None if none is."""
        now = self._database.now()
        # A deletion postponed for longer than this was postponed before the clock was set back.
        latest = now + LONGEST_RETRY
        async with self._database.read() as db:
            due = await value_of(
                db,
                "SELECT EXISTS (SELECT 1 FROM deletions WHERE due_at <= ? OR due_at > ?)",
                (now, latest),
            )
        if not due:
            return None
        async with self._database.transaction() as db:
            found = await rows_of(
                db,
                "UPDATE deletions SET due_at = :later, attempts = attempts + 1 WHERE id ="
                " (SELECT id FROM deletions WHERE due_at <= :now OR due_at > :latest"
                " ORDER BY kind, due_at, id LIMIT 1) RETURNING *",
                {"now": now, "later": now + TAKEN_SECONDS, "latest": latest},
            )
        deletions = readable("deletions", found, _deletion)
        return deletions[0] if deletions else None

    async def done(self, deletion: Deletion) -> None:
        """Removes a deletion from the outbox: its target is gone."""
        async with self._database.transaction() as db:
            await db.execute("DELETE FROM deletions WHERE id = ?", (deletion.id,))

    async def failed(self, deletion: Deletion) -> float:
        """Postpones a deletion; returns by how many seconds."""
        seconds = min(FIRST_RETRY * 2.0 ** min(deletion.attempts - 1, 20), LONGEST_RETRY)
        async with self._database.transaction() as db:
            await db.execute(
                "UPDATE deletions SET due_at = ? WHERE id = ?",
                (self._database.now() + seconds, deletion.id),
            )
        return seconds

    async def truncate_wal(self) -> None:
        """Removes deleted rows from the database's files, unless another process is reading."""
        await self._database.truncate_wal()

    async def is_uploaded(self, image: str) -> bool:
        """Whether anyone still has this image among their uploads, or has uploaded it again."""
        async with self._database.read() as db:
            sql = "SELECT EXISTS (SELECT 1 FROM uploaded_images WHERE name = ?)"
            return bool(await value_of(db, sql, (image,)))

    async def pending(self) -> int:
        """How many deletions are in the outbox."""
        async with self._database.read() as db:
            return int(await value_of(db, "SELECT COUNT(*) FROM deletions"))


def _deletion(row: sqlite3.Row) -> Deletion:
    target: Folder | Image | Message
    match row["kind"]:
        case "folder":
            target = Folder(required(row, "job_id", int))
        case "image":
            target = Image(required(row, "image", str))
        case _:
            target = Message(
                required(row, "channel_id", int),
                optional(row, "message_id", int),
                optional(row, "nonce", str),
            )
    return Deletion(required(row, "id", int), target, required(row, "attempts", int))
