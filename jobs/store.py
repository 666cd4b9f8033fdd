"""The queue and its history, in one SQLite file; and the transactions that all SQL here shares.

What else is asked of the file stands beside: `jobs.members`, `jobs.moderation`, `jobs.keeping`.

Any number of processes may open the same file. What `Store.add` has returned survives a power
cut (WAL with synchronous=FULL). Each change is one `BEGIN IMMEDIATE` transaction.
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import aiosqlite

from jobs.job import Job, State
from jobs.language import ENGLISH, mark
from jobs.recipe import Recipe
from jobs.turns import turn_on_arrival

MAX_ATTEMPTS = 3  #: a job that stopped an engine this often is not tried again
STOPPED_TOO_OFTEN = mark("The engine stopped 3 times while painting this.")
MEASURED_JOBS = 20  #: the wait is estimated from so many finished jobs
BUSY_SECONDS = 5.0  #: how long a change waits for another process's change
WAL_TRIES, WAL_PAUSE = 40, 0.05  #: at opening a new file, and seconds between two of them

_BEFORE = "(priority > :priority OR (priority = :priority AND (turn, id) < (:turn, :id)))"
_NOT_PAUSED = (
    "(guild_id IS NULL OR guild_id NOT IN"
    " (SELECT guild_id FROM guilds WHERE paused_at IS NOT NULL))"
)
_AHEAD = f" FROM jobs WHERE state = 'queued' AND {_BEFORE}" + (
    f" AND (guild_id IS :guild OR {_NOT_PAUSED})"
)
_CLAIMABLE = (
    f"state = 'queued' AND {_NOT_PAUSED} AND (most_running IS NULL OR most_running >"
    " (SELECT COUNT(*) FROM jobs AS running WHERE running.state = 'running'"
    " AND running.member_id = jobs.member_id AND running.guild_id IS jobs.guild_id))"
)


class StoreError(Exception):
    """The database cannot be used; `str(error)` is one sentence for the host."""


class StoreLockedError(StoreError):
    """Another process held the database for longer than the busy timeout."""


class StoreReadOnlyError(StoreError):
    """The file, or its folder, cannot be written."""


class StoreFullError(StoreError):
    """The disk is full, or failed."""


class StoreDamagedError(StoreError):
    """The file is not an SQLite database, or is damaged."""


class StoreTooNewError(StoreError):
    """The database was written by a newer version of this program."""


class Store:
    """The jobs of one database file. Safe to share among the tasks of one event loop."""

    def __init__(
        self, connection: aiosqlite.Connection, path: Path, clock: Callable[[], float]
    ) -> None:
        self._connection = connection
        self._path = path
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path | str,
        *,
        clock: Callable[[], float] = time.time,
        busy_seconds: float = BUSY_SECONDS,
    ) -> AsyncIterator[Self]:
        """Opens or creates the database and brings it to this version; a context manager.

        `clock` gives seconds since 1970. Raises StoreError.
        """
        path = Path(path)
        with _plain_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = await aiosqlite.connect(path, timeout=busy_seconds, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            store = cls(connection, path, clock)
            with _plain_errors(path):
                await store._prepare()
            yield store
        finally:
            await connection.close()

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
        locale: str = ENGLISH,
    ) -> Job:
        """Puts a job into the queue. Once this returns, a power cut does not lose it.

        With `most_running`, 1 or more, it waits while so many of the member's are painted there.
        """
        asker = {"member": member_id, "priority": priority}
        async with self.change() as db:
            previous = await value_of(
                db,
                "SELECT turn + pictures FROM jobs WHERE member_id = :member"
                " AND priority = :priority AND (state = 'queued' OR started_at IS NOT NULL)"
                " ORDER BY turn DESC LIMIT 1",
                asker,
            )
            now = await value_of(
                db, "SELECT turn FROM virtual_time WHERE priority = :priority", asker
            )
            return await _one(
                db,
                "INSERT INTO jobs (recipe, pictures, work, guild_id, channel_id, message_id,"
                " member_id, member_name, priority, parent_id, most_running, spoilered, locale,"
                " turn, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
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
                    locale,
                    turn_on_arrival(now or 0, previous),
                    self._clock(),
                ),
            )

    async def set_message(self, job_id: int, message_id: int) -> None:
        """Remembers which message holds the card."""
        async with self.change() as db:
            await db.execute("UPDATE jobs SET message_id = ? WHERE id = ?", (message_id, job_id))

    async def cancel(
        self, job_id: int, member_id: int | None = None, reason: str | None = None
    ) -> Job | None:
        """Cancels a queued or running job at once; the cancelled job, or None if it did not apply.

        With `member_id` only that member's own job; without, anybody's (a moderator's word).
        """
        async with self.change() as db:
            return await _one_or_none(
                db,
                "UPDATE jobs SET state = 'cancelled', reason = :reason, finished_at = :now,"
                " lease_until = NULL WHERE id = :id AND state IN ('queued', 'running')"
                " AND (:member IS NULL OR member_id = :member) RETURNING *",
                {"id": job_id, "member": member_id, "reason": reason, "now": self._clock()},
            )

    async def stop(self, job_id: int) -> Job | None:
        """Asks the engine to end a running job with what is there; None if it is not running."""
        async with self.change() as db:
            return await _one_or_none(
                db,
                "UPDATE jobs SET stopping = 1 WHERE id = ? AND state = 'running' RETURNING *",
                (job_id,),
            )

    async def delete(self, job_id: int) -> Job | None:
        """Remembers that the pictures of an ended job are deleted; None if it has not ended."""
        async with self.change() as db:
            await db.execute("DELETE FROM favourites WHERE job_id = ?", (job_id,))
            return await _one_or_none(
                db,
                "UPDATE jobs SET deleted_at = COALESCE(deleted_at, ?), posted = 1"
                " WHERE id = ? AND finished_at IS NOT NULL RETURNING *",
                (self._clock(), job_id),
            )

    # -- looking ---------------------------------------------------------------------------

    async def job(self, job_id: int) -> Job | None:
        """The job of this number, None if there is none."""
        async with self.look() as db:
            return await _one_or_none(db, "SELECT * FROM jobs WHERE id = ?", (job_id,))

    async def job_of_message(self, message_id: int) -> Job | None:
        """The job whose card a message holds."""
        async with self.look() as db:
            return await _one_or_none(
                db, "SELECT * FROM jobs WHERE message_id = ? LIMIT 1", (message_id,)
            )

    async def position(self, job_id: int) -> int | None:
        """The place of a waiting job in the queue, 1 = next; None if it does not wait.

        Jobs of servers that are paused are in nobody's way but their own.
        """
        async with self.look() as db:
            if (job := await _waiting(db, job_id)) is None:
                return None
            return 1 + int(await value_of(db, "SELECT COUNT(*)" + _AHEAD, _place(job)))

    async def wait_seconds(self, job_id: int) -> float | None:
        """About how long until a waiting job is claimed, from the speed of the latest jobs.

        None if it does not wait, no job has been painted yet, or its server is paused.
        """
        async with self.look() as db:
            if (job := await _waiting(db, job_id)) is None:
                return None
            if (seconds_per_work := await _seconds_per_work(db)) is None:
                return None
            if await _is_paused(db, job.guild_id):
                return None
            ahead = await value_of(
                db,
                "SELECT (SELECT TOTAL(work)" + _AHEAD + ")"
                " + (SELECT TOTAL(work * (1 - 1.0 * step / json_extract(recipe, '$.steps')))"
                " FROM jobs WHERE state = 'running')",
                _place(job),
            )
            return float(ahead) * seconds_per_work

    async def waiting(self, limit: int = 25, offset: int = 0) -> list[Job]:
        """Waiting jobs in the order in which they will be claimed.

        Those that may not be claimed now keep their places (see `claim`).
        """
        async with self.look() as db:
            return await _all(
                db,
                "SELECT * FROM jobs WHERE state = 'queued'"
                " ORDER BY priority DESC, turn, id LIMIT ? OFFSET ?",
                (limit, offset),
            )

    async def waiting_count(self) -> int:
        """How many jobs wait."""
        async with self.look() as db:
            return int(await value_of(db, "SELECT COUNT(*) FROM jobs WHERE state = 'queued'"))

    async def claimable_count(self) -> int:
        """How many of the waiting jobs might be painted now (see `claim`)."""
        async with self.look() as db:
            return int(await value_of(db, "SELECT COUNT(*) FROM jobs WHERE " + _CLAIMABLE))

    async def running(self) -> list[Job]:
        """Jobs being painted, the one claimed first at the head."""
        async with self.look() as db:
            return await _all(
                db, "SELECT * FROM jobs WHERE state = 'running' ORDER BY started_at, id"
            )

    async def members_jobs(self, member_id: int) -> list[Job]:
        """A member's jobs that wait or are being painted: running ones first, then in order."""
        async with self.look() as db:
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
        async with self.change() as db:
            job = await _one_or_none(
                db,
                "UPDATE jobs SET state = 'running', engine = ?, lease_until = ?, started_at = ?,"
                " attempts = attempts + 1, step = 0 WHERE id = (SELECT id FROM jobs WHERE "
                + _CLAIMABLE
                + " ORDER BY priority DESC, turn, id LIMIT 1) RETURNING *",
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
        async with self.change() as db:
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
        async with self.look() as db:
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
        async with self.change() as db:
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
        async with self.change() as db:
            cursor = await db.execute(
                "UPDATE jobs SET state = 'queued', engine = NULL, lease_until = NULL, step = 0,"
                " attempts = attempts - ? WHERE id = ? AND state = 'running' AND engine = ?",
                (not attempt_counts, job_id, engine),
            )
            return cursor.rowcount == 1

    async def requeue_expired(self) -> list[Job]:
        """Takes jobs from engines whose lease ran out; returns them as they are now.

        Each goes back to its old place, or fails after the third attempt.
        """
        async with self.change() as db:
            now = {"now": self._clock(), "most": MAX_ATTEMPTS, "reason": STOPPED_TOO_OFTEN}
            failed = await _all(
                db,
                "UPDATE jobs SET state = 'failed', finished_at = :now, lease_until = NULL,"
                " reason = :reason"
                " WHERE state = 'running' AND lease_until < :now AND attempts >= :most"
                " RETURNING *",
                now,
            )
            queued = await _all(
                db,
                "UPDATE jobs SET state = 'queued', engine = NULL, lease_until = NULL, step = 0"
                " WHERE state = 'running' AND lease_until < :now RETURNING *",
                now,
            )
            return failed + queued

    # -- showing ---------------------------------------------------------------------------

    async def unposted(self, limit: int = 100) -> list[Job]:
        """Jobs that ended, but whose outcome has not been shown yet; the oldest first."""
        async with self.look() as db:
            return await _all(
                db,
                "SELECT * FROM jobs WHERE finished_at IS NOT NULL AND posted = 0"
                " ORDER BY finished_at, id LIMIT ?",
                (limit,),
            )

    async def mark_posted(self, job_id: int) -> None:
        """Remembers that the outcome has been shown in the channel."""
        async with self.change() as db:
            await db.execute(
                "UPDATE jobs SET posted = 1 WHERE id = ? AND finished_at IS NOT NULL", (job_id,)
            )

    # -- underneath ------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    async def _prepare(self) -> None:
        version = int(await value_of(self._connection, "PRAGMA user_version"))
        if version > len(_migrations()):
            raise StoreTooNewError(
                f"The database {self._path} was written by a newer version of this program"
                f" (schema {version}, this one knows {len(_migrations())}): update the program."
            )
        await self._write_ahead()
        for pragma in ("synchronous = FULL", "foreign_keys = ON"):
            await self._connection.execute(f"PRAGMA {pragma}")
        for number, sql in enumerate(_migrations(), start=1):
            async with self.change() as db:
                if number > int(await value_of(db, "PRAGMA user_version")):
                    for statement in _statements(sql):
                        await db.execute(statement)
                    await db.execute(f"PRAGMA user_version = {number}")

    async def _write_ahead(self) -> None:
        """Turns the log on in which changes are written ahead.

        Where several processes do so at the same moment, SQLite does not wait, but fails at once.
        """
        for _ in range(WAL_TRIES):
            try:
                await self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
            await asyncio.sleep(WAL_PAUSE)
        await self._connection.execute("PRAGMA journal_mode = WAL")

    @asynccontextmanager
    async def look(self) -> AsyncIterator[aiosqlite.Connection]:
        """One or several reads of one snapshot."""
        async with self._transaction("BEGIN") as db:
            yield db

    @asynccontextmanager
    async def change(self) -> AsyncIterator[aiosqlite.Connection]:
        """One change: all of it or nothing, on disk when the block is left."""
        async with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[aiosqlite.Connection]:
        async with self._one_at_a_time:
            with _plain_errors(self._path):
                try:
                    await self._connection.execute(begin)
                    yield self._connection
                    await self._connection.execute("COMMIT")
                except BaseException:  # a cancelled task, too, must not leave it open
                    await self._connection.rollback()
                    raise


@contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into a sentence for the host."""
    try:
        yield
    except sqlite3.Error as error:
        raise _store_error(error, path) from error
    except OSError as error:
        raise StoreReadOnlyError(
            f"The folder of the database {path} cannot be made: {error}."
        ) from error


def _store_error(error: sqlite3.Error, path: Path) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    match re.sub(r"^(SQLITE_[A-Z]+)_.*", r"\1", name):
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return StoreLockedError(
                f"The database {path} is locked by another program: close it and try again."
            )
        case "SQLITE_READONLY" | "SQLITE_CANTOPEN" | "SQLITE_PERM" | "SQLITE_AUTH":
            return StoreReadOnlyError(
                f"The database {path} cannot be written: check the rights of the file and of"
                " its folder."
            )
        case "SQLITE_FULL" | "SQLITE_IOERR":
            return StoreFullError(
                f"The database {path} cannot grow: the disk is full or failing; make room on it."
            )
        case "SQLITE_NOTADB" | "SQLITE_CORRUPT":
            return StoreDamagedError(
                f"{path} is not a database or is damaged: move it away or restore a copy."
            )
    return StoreError(f"The database {path} failed: {error} ({name or type(error).__name__}).")


def _migrations() -> list[str]:
    """The SQL of each migration; their numbers are 1, 2, 3, … without a gap."""
    found = sorted(
        (entry for entry in files("migrations").iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    for number, entry in enumerate(found, start=1):
        if not entry.name.startswith(f"{number:04}_"):
            raise RuntimeError(f"migration {entry.name} should have the number {number:04}")
    return [entry.read_text(encoding="utf-8") for entry in found]


def _statements(sql: str) -> Iterator[str]:
    """The single statements of a script, each ending at the end of a line.

    Not `executescript`: that commits on its own, and a failed script would stay half applied.
    """
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    yield pending


Parameters = Iterable[Any] | Mapping[str, Any]


async def rows_of(
    db: aiosqlite.Connection, sql: str, parameters: Parameters = ()
) -> list[sqlite3.Row]:
    return list(await db.execute_fetchall(sql, parameters))


async def value_of(db: aiosqlite.Connection, sql: str, parameters: Parameters = ()) -> Any:
    """The first column of the first row, None without one."""
    rows = await rows_of(db, sql, parameters)
    return rows[0][0] if rows else None


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


def _place(job: Job) -> dict[str, int | None]:
    return {"priority": job.priority, "turn": job.turn, "id": job.id, "guild": job.guild_id}


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
        }
    )
