"""Which Discord messages show a job, so that all of them can be deleted.

A message that the bot or the engine sends is announced before and recorded after, so that neither
a crash in between nor a deletion at that moment leaves a message that nobody knows.
"""

from enum import StrEnum

import aiosqlite

from core.database.connection import Database, value_of

NO_SUCH_JOB = "NOT EXISTS (SELECT 1 FROM jobs WHERE id = :job AND deleted_at IS NULL)"


class Kind(StrEnum):
    """What a message shows of a job."""

    JOB = "job"
    """Its state and its outcome."""
    TIMELAPSE = "timelapse"
    DIRECT_COPY = "direct copy"
    """Its outcome, sent to its member directly."""
    SHOW = "show"
    """Its images, at a member's request."""
    REPORT = "report"
    """A report to moderators, in their log channel."""


class Messages:
    """The recorded messages of one database. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def announce(self, job_id: int, kind: Kind, channel_id: int, nonce: str) -> bool:
        """Records that a message is about to be sent; False, if the job is deleted or gone."""
        async with self._database.transaction() as db:
            if await value_of(db, f"SELECT {NO_SUCH_JOB}", {"job": job_id}):
                return False
            await db.execute(
                "INSERT INTO messages (job_id, kind, channel_id, nonce, announced_at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (channel_id, nonce)"
                " DO UPDATE SET announced_at = excluded.announced_at",
                (job_id, kind.value, channel_id, nonce, self._database.now()),
            )
            return True

    async def sent(
        self, job_id: int, kind: Kind, channel_id: int, message_id: int, nonce: str | None = None
    ) -> bool:
        """Records a message that was sent; the newest of kind JOB is the job's own from here on.

        False if the job was deleted meanwhile: then the message will be deleted as well.
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
            if await value_of(db, f"SELECT {NO_SUCH_JOB}", message):
                await _delete(db, message)
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
                await db.execute("UPDATE jobs SET message_id = :message WHERE id = :job", message)
            return True


async def _delete(db: aiosqlite.Connection, message: dict[str, int | float | str | None]) -> None:
    """Its deletion may wait already, for the message to be named."""
    cursor = await db.execute(
        "UPDATE deletions SET message_id = :message, due_at = :now"
        " WHERE channel_id = :channel AND nonce = :nonce AND message_id IS NULL",
        message,
    )
    if cursor.rowcount == 0:
        await db.execute(
            "INSERT INTO deletions (kind, job_id, channel_id, message_id, due_at)"
            " VALUES ('message', :job, :channel, :message, :now)",
            message,
        )
