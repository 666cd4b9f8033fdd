"""The SQLite file: opening it, applying migrations, and the three ways to use it.

`read` and `snapshot` use a read-only connection and never wait for a writer; `transaction` uses the
writing one. Any number of processes may open the same file. A committed transaction survives a
power cut (WAL with synchronous=FULL).
"""

import asyncio
import os
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import aiosqlite

from core.database.journal import Journal

BUSY_SECONDS = 5.0  #: how long a caller waits for its turn and for other processes together
TRY_SECONDS = 0.05  #: how long SQLite itself waits for the write lock, so that a task can give up


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


class Database:
    """One database file. Safe to share among the tasks of one event loop."""

    def __init__(
        self,
        path: Path,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        *,
        clock: Callable[[], float] = time.time,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._busy_seconds = busy_seconds
        self._writing = asyncio.Lock()
        self._reading = asyncio.Lock()
        self.journal = Journal(path)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path | str,
        *,
        clock: Callable[[], float] = time.time,
        busy_seconds: float = BUSY_SECONDS,
    ) -> AsyncIterator[Self]:
        """Opens or creates the database and applies pending migrations; a context manager.

        `clock` gives seconds since 1970. Raises StoreError.
        """
        path = Path(path)
        with _plain_errors(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create_private(path)
        async with (
            _connected(path, min(busy_seconds, TRY_SECONDS)) as writer,
            _connected(path, busy_seconds) as reader,
        ):
            store = cls(path, writer, reader, clock=clock, busy_seconds=busy_seconds)
            with _plain_errors(path):
                await store._prepare()
            yield store

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[aiosqlite.Connection]:
        """For a single SELECT, which is a snapshot by itself."""
        async with self._turn(self._reading, self._deadline()):
            with _plain_errors(self._path):
                yield self._reader

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[aiosqlite.Connection]:
        """For several SELECTs that must see the same state."""
        async with self.read() as db, _transaction(db):
            await db.execute("BEGIN")
            yield db

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """For changes: all of them or none, on disk when the block is left.

        Raises StoreLockedError after `busy_seconds`, whether tasks of this process or another
        process held the lock.
        """
        deadline = self._deadline()
        async with self._turn(self._writing, deadline):
            with _plain_errors(self._path):
                async with _transaction(self._writer):
                    await self._retry("BEGIN IMMEDIATE", deadline)
                    yield self._writer

    async def empty_log(self) -> None:
        """Empties the write-ahead log, in which deleted rows can still be read.

        While other processes are reading, it does nothing.
        """
        async with self._turn(self._writing, self._deadline()):
            with _plain_errors(self._path):
                await self._writer.execute_fetchall("PRAGMA wal_checkpoint (TRUNCATE)")

    def _deadline(self) -> float:
        """The end of a caller's patience, in the event loop's time."""
        return asyncio.get_running_loop().time() + self._busy_seconds

    @asynccontextmanager
    async def _turn(self, lock: asyncio.Lock, deadline: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(deadline):
                await lock.acquire()
        except TimeoutError:
            raise _locked(self._path) from None
        try:
            yield
        finally:
            lock.release()

    async def _retry(self, sql: str, deadline: float) -> None:
        """Runs a statement on the writer until no other process is in the way."""
        while True:
            try:
                await self._writer.execute(sql)
                return
            except sqlite3.OperationalError as error:
                late = asyncio.get_running_loop().time() >= deadline
                if late or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
            await asyncio.sleep(TRY_SECONDS / 10)

    async def _prepare(self) -> None:
        version = int(await value_of(self._reader, "PRAGMA user_version"))
        if version > max(_migrations()):
            raise StoreTooNewError(
                f"The database {self._path} was written by a newer version of this program"
                f" (schema {version}, this one knows {max(_migrations())}): update the program."
            )
        # Where several processes do so at the same moment, SQLite does not wait, but fails at once.
        await self._retry("PRAGMA journal_mode = WAL", self._deadline())
        # secure_delete: what is deleted is overwritten, not only marked as free.
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            await self._writer.execute(f"PRAGMA {pragma}")
        for number, sql in _migrations().items():
            async with self.transaction() as db:
                if number > int(await value_of(db, "PRAGMA user_version")):
                    for statement in statements(sql):
                        await db.execute(statement)
                    await db.execute(f"PRAGMA user_version = {number}")
        await self._reader.execute("PRAGMA query_only = ON")


def _create_private(path: Path) -> None:
    """Creates the file, if it is missing, for its owner alone; SQLite copies the mode.

    A file that exists is not opened: to close it would drop every lock that this process holds on
    it (POSIX). Then the next process to close the database deletes the write-ahead log under the
    connections of this one, and whatever they write from there on is lost.
    https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600))


@asynccontextmanager
async def _connected(path: Path, busy_seconds: float) -> AsyncIterator[aiosqlite.Connection]:
    with _plain_errors(path):
        connection = await aiosqlite.connect(path, timeout=busy_seconds, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _transaction(db: aiosqlite.Connection) -> AsyncIterator[None]:
    """Commits at the end of the block, which begins the transaction; rolls back if it fails."""
    try:
        yield
        await db.execute("COMMIT")
    except BaseException:  # a cancelled task, too, must not leave it open
        await db.rollback()
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
            return _locked(path)
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


def _locked(path: Path) -> StoreLockedError:
    return StoreLockedError(
        f"The database {path} is locked by another program: close it and try again."
    )


def _migrations() -> dict[int, str]:
    """The SQL of each migration by its number, in order."""
    migrations: dict[int, str] = {}
    found = (entry for entry in files("migrations").iterdir() if entry.name.endswith(".sql"))
    for entry in sorted(found, key=lambda entry: entry.name):
        number = int(entry.name.partition("_")[0])
        if number in migrations:
            raise RuntimeError(f"there is another migration with the number of {entry.name}")
        migrations[number] = entry.read_text(encoding="utf-8")
    return migrations


def statements(sql: str) -> Iterator[str]:
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
