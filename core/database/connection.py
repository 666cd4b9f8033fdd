"""The SQLite file that all of `jobs` shares: opened, brought up to date, read and changed.

Any number of processes may open the same file. What a change has written survives a power cut
(WAL with synchronous=FULL). Each change is one `BEGIN IMMEDIATE` transaction.
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

BUSY_SECONDS = 5.0  #: how long a change waits for another process's change
WAL_TRIES, WAL_PAUSE = 40, 0.05  #: at opening a new file, and seconds between two of them


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
    async def glance(self) -> AsyncIterator[aiosqlite.Connection]:
        """One read of a single statement: a snapshot by itself, so nothing need begin or end it."""
        async with self._one_at_a_time:
            with _plain_errors(self._path):
                yield self._connection

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
