"""What members and moderators delete: the rows at once, everything else through an outbox.

The transaction that deletes rows also writes down what is to be deleted elsewhere: folders,
uploaded images, messages. `bot.services.deletion` works that outbox off until all of it is gone,
whatever crashes or fails in between. Each deletion is in the journal (see `core.database.journal`)
before it is carried out.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, TypeVar

import aiosqlite

from core.database.connection import Database, StoreFullError, rows_of, statements, value_of
from core.database.journal import Entry, JobDeleted, Journal, MemberDeleted, NumbersReserved
from core.i18n import mark

SOURCE_GONE = mark("The image that this would have started from was deleted by its owner.")
DELETED = mark("A moderator has deleted it.")

TAKEN_SECONDS = 60.0
"""A deletion that was taken is another's to try after so long; also the time that an engine or a
message on its way is given before what it may have left is looked for."""
NONCE_SECONDS = 600.0
"""For no longer than this Discord recognises a message by its nonce."""
FIRST_RETRY, LONGEST_RETRY = 1.0, 600.0  #: seconds; each wait is twice the one before
RESERVED = 1000  #: how many numbers of jobs are reserved at a time

T = TypeVar("T")

_POSITION = "SELECT position FROM deletion_journal"

_SQL = {
    MemberDeleted: files("core.database").joinpath("queries/delete_member.sql").read_text("utf-8"),
    JobDeleted: files("core.database").joinpath("queries/delete_job.sql").read_text("utf-8"),
    NumbersReserved: files("core.database")
    .joinpath("queries/raise_numbers.sql")
    .read_text("utf-8"),
}


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
    """A message that shows a job. Without an id it was on its way when it was to be deleted."""

    channel_id: int
    message_id: int | None
    nonce: str | None


@dataclass(frozen=True, slots=True)
class Deletion:
    """An entry of the outbox."""

    id: int
    target: Folder | Image | Message
    attempts: int
    """How often it has been tried, this time included."""


class Deletions:
    """The deletions of one database. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reserved = 0

    async def delete_member(self, member_id: int) -> int:
        """Deletes everything that is kept about a member; how many jobs that were."""
        async with self._database.transaction() as db:
            last_job = await value_of(db, "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'")
            jobs = await value_of(db, "SELECT COUNT(*) FROM jobs WHERE member_id = ?", (member_id,))
            # Later than all their uploads, also where the clock has been set back since.
            uploaded = await value_of(
                db,
                "SELECT MAX(created_at) FROM uploaded_images WHERE member_id = ?",
                (member_id,),
            )
            at = max(self._database.now(), uploaded or 0.0)
            await self.carry_out(db, MemberDeleted(member_id, last_job or 0, at))
        return int(jobs)

    async def carry_out_journal(self) -> None:
        """Carries out what the journal says and this database lacks.

        After a crash in the middle of a deletion, and in a restored backup.
        """
        async with self._database.read() as db:
            position = await value_of(db, _POSITION)
        if position < await self._journal(Journal.end):
            async with self._database.transaction() as db:
                await self.carry_out(db)

    async def reserve_number(self, db: aiosqlite.Connection, job_id: int) -> None:
        """Has the journal know of a job's number before it is committed, 1,000 at a time."""
        if job_id <= self._reserved:
            return
        end = await self._journal(Journal.end)
        reserved = job_id + RESERVED
        await self._append(NumbersReserved(reserved, self._database.now()))
        if await value_of(db, _POSITION) >= end:
            await self._move(db)
        self._reserved = reserved

    async def carry_out(self, db: aiosqlite.Connection, entry: Entry | None = None) -> None:
        """Within a change: appends an entry to the journal, and does all that is not done yet."""
        position = min(await value_of(db, _POSITION), await self._journal(Journal.end))
        if entry:
            await self._append(entry)
        for each in await self._journal(lambda journal: journal.after(position)):
            parameters = asdict(each) | self._parameters()
            for statement in statements(_SQL[type(each)]):
                await db.execute(statement, parameters)
        await self._move(db)

    async def _append(self, entry: Entry) -> None:
        await self._journal(lambda journal: journal.append(entry))

    async def _move(self, db: aiosqlite.Connection) -> None:
        """Remembers that this database has all that the journal says."""
        end = await self._journal(Journal.end)
        await db.execute("UPDATE deletion_journal SET position = ?", (end,))

    async def _journal(self, use: Callable[[Journal], T]) -> T:
        journal = self._database.journal
        try:
            return await asyncio.to_thread(use, journal)
        except OSError as error:
            raise StoreFullError(
                f"The journal of deletions {journal.path} cannot be used: {error}."
            ) from error

    def _parameters(self) -> dict[str, Any]:
        now = self._database.now()
        return {
            "now": now,
            "later": now + TAKEN_SECONDS,
            "forgotten": now - NONCE_SECONDS,
            "source_gone": SOURCE_GONE,
            "deleted": DELETED,
        }

    # -- the outbox ------------------------------------------------------------------------

    async def take(self) -> Deletion | None:
        """The next deletion that is due, which nobody else tries for a while; None without one."""
        now = self._database.now()
        # One that is put off for longer than any was put off before the clock was set back.
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
        return _deletion(found[0]) if found else None

    async def done(self, deletion: Deletion) -> None:
        """Strikes a deletion out: what it names is gone."""
        async with self._database.transaction() as db:
            await db.execute("DELETE FROM deletions WHERE id = ?", (deletion.id,))

    async def failed(self, deletion: Deletion) -> float:
        """Puts a deletion off; by how many seconds."""
        seconds = min(FIRST_RETRY * 2.0 ** min(deletion.attempts - 1, 20), LONGEST_RETRY)
        async with self._database.transaction() as db:
            await db.execute(
                "UPDATE deletions SET due_at = ? WHERE id = ?",
                (self._database.now() + seconds, deletion.id),
            )
        return seconds

    async def empty_log(self) -> None:
        """Leaves nothing of deleted rows in the database's files, unless somebody is reading."""
        await self._database.empty_log()

    async def is_uploaded(self, image: str) -> bool:
        """Whether somebody has uploaded an image that is to be deleted, since, or keeps it."""
        async with self._database.read() as db:
            sql = "SELECT EXISTS (SELECT 1 FROM uploaded_images WHERE name = ?)"
            return bool(await value_of(db, sql, (image,)))

    async def pending(self) -> int:
        """How many deletions wait."""
        async with self._database.read() as db:
            return int(await value_of(db, "SELECT COUNT(*) FROM deletions"))


def _deletion(row: sqlite3.Row) -> Deletion:
    target: Folder | Image | Message
    match row["kind"]:
        case "folder":
            target = Folder(row["job_id"])
        case "image":
            target = Image(row["image"])
        case _:
            target = Message(row["channel_id"], row["message_id"], row["nonce"])
    return Deletion(row["id"], target, row["attempts"])
