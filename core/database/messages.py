"""Which Discord messages show a job, so that all of them can be deleted.

The bot and the engine announce a message before they send it and record it afterwards, so neither a
crash in between nor a deletion at that moment leaves an untracked message.
"""

import hashlib
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import aiosqlite

from core.database import job_updates
from core.database.connection import Database
from core.database.rows import rows_of, value_of
from core.job import DeadLetter, Job
from core.moderation import AuditEntry

NO_SUCH_JOB = "NOT EXISTS (SELECT 1 FROM jobs WHERE id = :job AND deleted_at IS NULL)"


class Kind(StrEnum):
    """What a message shows of a job."""

    JOB = "job"
    """Its state and its outcome."""
    TIMELAPSE = "timelapse"
    DIRECT_COPY = "direct copy"
    """Its outcome in a direct message, to its member or to another who requested a copy."""
    SHOW = "show"
    """Its images, at a member's request."""
    NOTIFICATION = "notification"
    """A mention of its member, because it is done."""
    GROUP = "group"
    """The jobs that were requested together, and links to their messages."""
    HALL_OF_FAME = "hall of fame"
    """Its images, because many members have them as a favourite."""
    REPORT = "report"
    """A report to moderators, in their log channel."""


class Messages:
    """The recorded messages of one database. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def announce(
        self,
        job_id: int,
        kind: Kind,
        channel_id: int,
        nonce: str,
        *,
        recipient_id: int | None = None,
    ) -> bool:
        """Records that a message is about to be sent; False if the job is deleted or gone.

        `recipient_id` is the member who gets a copy of somebody else's image.
        """
        async with self._database.transaction() as db:
            if await value_of(db, f"SELECT {NO_SUCH_JOB}", {"job": job_id}):
                return False
            await db.execute(
                "INSERT INTO messages"
                " (job_id, kind, channel_id, nonce, announced_at, recipient_id)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id, nonce)"
                " DO UPDATE SET announced_at = excluded.announced_at",
                (job_id, kind.value, channel_id, nonce, self._database.now(), recipient_id),
            )
            return True

    async def is_announced(self, channel_id: int, nonce: str) -> bool:
        """Whether a message was announced but not recorded, so it may or may not have been sent."""
        async with self._database.read() as db:
            sql = (
                "SELECT EXISTS (SELECT 1 FROM messages"
                " WHERE channel_id = ? AND nonce = ? AND message_id IS NULL)"
            )
            return bool(await value_of(db, sql, (channel_id, nonce)))

    async def is_recorded(self, message_id: int) -> bool:
        """Whether a message is recorded."""
        async with self._database.read() as db:
            sql = "SELECT EXISTS (SELECT 1 FROM messages WHERE message_id = ?)"
            return bool(await value_of(db, sql, (message_id,)))

    async def sent(
        self, job_id: int, kind: Kind, channel_id: int, message_id: int, nonce: str | None = None
    ) -> bool:
        """Records a message that was sent; one of the kind JOB becomes the job message.

        False if the message or its job was deleted meanwhile: then the message will be, too.
        """
        message = {
            "job": job_id,
            "kind": kind.value,
            "channel": channel_id,
            "message": message_id,
            "nonce": nonce,
            "now": self._database.now(),
        }
        async with self._database.transaction() as db:
            if await _is_deleted(db, message):
                return False
            await db.execute(
                "UPDATE OR IGNORE messages SET message_id = :message"
                " WHERE channel_id = :channel AND nonce = :nonce AND message_id IS NULL",
                message,
            )
            await db.execute(
                "INSERT OR IGNORE INTO messages (job_id, kind, channel_id, message_id)"
                " VALUES (:job, :kind, :channel, :message)",
                message,
            )
            if kind is Kind.JOB:
                await job_updates.set_message(db, job_id, message_id, self._database.now())
            return True

    async def any_sent(self, job_id: int, kind: Kind, channel_id: int | None = None) -> bool:
        """Whether a message of this kind was sent for a job, in this channel or in any."""
        async with self._database.read() as db:
            sent = (
                "SELECT EXISTS (SELECT 1 FROM messages WHERE job_id = :job AND kind = :kind"
                " AND message_id IS NOT NULL AND coalesce(:channel, channel_id) = channel_id)"
            )
            values = {"job": job_id, "kind": kind.value, "channel": channel_id}
            return bool(await value_of(db, sent, values))

    async def group_of(self, job_id: int) -> int | None:
        """The group message of a job that was requested together with others."""
        async with self._database.read() as db:
            sql = (
                "SELECT message_id FROM messages"
                " WHERE job_id = ? AND kind = 'group' AND message_id IS NOT NULL"
            )
            rows = await rows_of(db, sql, (job_id,))
        return rows[0]["message_id"] if rows else None

    async def log_sent(
        self, entries: Sequence[AuditEntry], channel_id: int, message_id: int
    ) -> bool:
        """Records the message that shows entries of the audit log.

        False if the text of one was deleted meanwhile: then the message will be deleted, too.
        """
        ids = json.dumps([entry.id for entry in entries])
        async with self._database.transaction() as db:
            texts = await rows_of(
                db,
                "SELECT reason FROM json_each(?) AS requested JOIN audit_log"
                " ON audit_log.id = requested.value ORDER BY requested.key",
                (ids,),
            )
            if [row["reason"] for row in texts] != [entry.reason for entry in entries]:
                await db.execute(
                    "INSERT INTO deletions (kind, channel_id, message_id, due_at)"
                    " VALUES ('message', ?, ?, ?)",
                    (channel_id, message_id, self._database.now()),
                )
                return False
            await db.execute(
                "INSERT OR REPLACE INTO log_messages SELECT value, ?, ? FROM json_each(?)",
                (channel_id, message_id, ids),
            )
            return True


def nonce(job: Job | DeadLetter) -> str:
    """The nonce of the job's next message: 24 characters (Discord allows 25)."""
    created_at = job.created_at if isinstance(job, Job) else "unreadable"
    source = f"{job.id} {created_at} {job.message_id}"
    return hashlib.blake2b(source.encode(), digest_size=12).hexdigest()


async def _is_deleted(db: aiosqlite.Connection, message: dict[str, Any]) -> bool:
    """Whether a message was to be deleted before it had an id, or its job is gone.

    If so, its deletion is now due.
    """
    waiting = await db.execute(
        "UPDATE deletions SET message_id = :message, due_at = :now"
        " WHERE channel_id = :channel AND nonce = :nonce AND message_id IS NULL",
        message,
    )
    if waiting.rowcount:
        return True
    gone = await db.execute(
        "INSERT INTO deletions (kind, job_id, channel_id, message_id, due_at)"
        f" SELECT 'message', :job, :channel, :message, :now WHERE {NO_SUCH_JOB}",
        message,
    )
    return bool(gone.rowcount)
