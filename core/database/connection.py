"""The SQLite file: opening it, applying migrations, and the three ways to use it.

`read` and `snapshot` use a read-only connection and never wait for a writer; `transaction` uses a
second one. Any number of processes may open the same file. A committed transaction survives a
power cut (WAL with synchronous=FULL).
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import aiosqlite

from core.database.damage import repair
from core.database.errors import StoreTooNewError, locked, store_errors
from core.database.journal import Journal
from core.database.journal_replay import carry_out, is_behind
from core.database.rows import decode_text, value_of
from core.database.schema import FUNCTIONS, migrations, statements

BUSY_SECONDS = 5.0  #: how long a caller waits in total, for other tasks and processes
TRY_SECONDS = (
    0.05  #: how long SQLite itself waits for the write lock; short, so that a task can give up
)


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
        """The journal of deletions, including those that a restored backup lacks."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path | str,
        *,
        clock: Callable[[], float] = time.time,
        busy_seconds: float = BUSY_SECONDS,
    ) -> AsyncIterator[Self]:
        """A context manager that opens or creates the database and applies pending migrations.

        `clock` gives seconds since 1970. Raises StoreError.
        """
        path = Path(path)
        with store_errors(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create_private(path)
        async with (
            _connected(path, min(busy_seconds, TRY_SECONDS)) as writer,
            _connected(path, busy_seconds) as reader,
        ):
            database = cls(path, writer, reader, clock=clock, busy_seconds=busy_seconds)
            with store_errors(path):
                await database._prepare()
            yield database

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[aiosqlite.Connection]:
        """For a single SELECT, which is a snapshot by itself."""
        async with self._acquired(self._reading, self._deadline()):
            with store_errors(self._path):
                yield self._reader

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[aiosqlite.Connection]:
        """For several SELECTs that must see the same state."""
        async with self.read() as db, _transaction(db):
            await db.execute("BEGIN")
            yield db

    @asynccontextmanager
    async def transaction(
        self, *, wait_seconds: float | None = None
    ) -> AsyncIterator[aiosqlite.Connection]:
        """For changes: all or nothing, and on disk once the block ends.

        If it fails because of a damaged row, the row is repaired, so that the next change succeeds
        (see `core.database.damage`).

        Raises StoreLockedError if the lock is held, by this or another process, for longer than
        `wait_seconds` (default: the `busy_seconds` of `open`).
        """
        deadline = self._deadline(wait_seconds)
        async with self._acquired(self._writing, deadline):
            with store_errors(self._path):
                try:
                    async with _transaction(self._writer):
                        await self._retry("BEGIN IMMEDIATE", deadline)
                        yield self._writer
                except sqlite3.IntegrityError as error:
                    if "UNIQUE" not in str(error):
                        await self._repair()
                    raise

    async def truncate_wal(self) -> None:
        """Empties the write-ahead log, in which deleted rows can still be read.

        Does nothing while other processes are reading.
        """
        async with self._acquired(self._writing, self._deadline()):
            with store_errors(self._path):
                await self._writer.execute_fetchall("PRAGMA wal_checkpoint (TRUNCATE)")

    async def _repair(self) -> None:
        """Repairs damaged rows, so that the next change does not fail because of them."""
        with suppress(sqlite3.Error):
            async with _transaction(self._writer):
                await self._writer.execute("BEGIN IMMEDIATE")
                await repair(self._writer, self.now())

    def _deadline(self, wait_seconds: float | None = None) -> float:
        """When a caller stops waiting, in the event loop's time."""
        seconds = self._busy_seconds if wait_seconds is None else wait_seconds
        return asyncio.get_running_loop().time() + seconds

    @asynccontextmanager
    async def _acquired(self, lock: asyncio.Lock, deadline: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(deadline):
                await lock.acquire()
        except TimeoutError:
            raise locked(self._path) from None
        try:
            yield
        finally:
            lock.release()

    async def _retry(self, sql: str, deadline: float) -> None:
        """Runs a statement on the writer; retries while another process holds the lock."""
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
        if version > max(migrations()):
            raise StoreTooNewError(
                f"The database {self._path} was written by a newer version of this program"
                f" (schema {version}, this one knows {max(migrations())}): update the program."
            )
        # If several processes do this at the same time, SQLite doesn't wait but fails at once.
        await self._retry("PRAGMA journal_mode = WAL", self._deadline())
        # secure_delete: deleted content is overwritten, not only marked as free.
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            await self._writer.execute(f"PRAGMA {pragma}")
        for name, function in FUNCTIONS.items():
            await self._writer.create_function(name, 1, function, deterministic=True)
        # A damaged row must not prevent a migration.
        await self._writer.execute("PRAGMA ignore_check_constraints = ON")
        for number, sql in migrations().items():
            if number <= version:
                continue
            async with self.transaction() as db:  # another process may have applied it
                if number > int(await value_of(db, "PRAGMA user_version")):
                    for statement in statements(sql):
                        await db.execute(statement)
                    await db.execute(f"PRAGMA user_version = {number}")
        await self._writer.execute("PRAGMA ignore_check_constraints = OFF")
        await self._reader.execute("PRAGMA query_only = ON")
        if await is_behind(self._reader, self.journal):
            async with self.transaction() as db:
                await carry_out(db, self.journal, self.now())


def _create_private(path: Path) -> None:
    """Creates a missing file for its owner only; SQLite copies the mode to its other files.

    An existing file is not opened: closing it would drop all POSIX locks that this process holds on
    it. The next process to close the database would then delete the write-ahead log that this one
    is still writing to, and those writes would be lost.
    https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600))


@asynccontextmanager
async def _connected(path: Path, busy_seconds: float) -> AsyncIterator[aiosqlite.Connection]:
    with store_errors(path):
        connection = await aiosqlite.connect(path, timeout=busy_seconds, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.text_factory = decode_text
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _transaction(db: aiosqlite.Connection) -> AsyncIterator[None]:
    """Commits the transaction that the block begins; rolls it back if the block fails."""
    try:
        yield
        await db.execute("COMMIT")
    except BaseException:  # even a cancelled task must not leave it open
        await db.rollback()
        raise
