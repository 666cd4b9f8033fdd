"""Running a query, and reading its rows one by one, so that a damaged row costs only itself.

A column holds what its table declares, unless the file was damaged or another version of the
program wrote it. `required` and `optional` check that at each read and raise ValueError.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import aiosqlite
import structlog
from prometheus_client import Counter

log = structlog.stdlib.get_logger(__name__)

DEAD_LETTERS = Counter(
    "imagine_dead_letters",
    "Rows of the database that could not be read and were put aside, by their table.",
    ["table"],
)

T = TypeVar("T")
Parameters = Iterable[Any] | Mapping[str, Any]


async def rows_of(
    db: aiosqlite.Connection, sql: str, parameters: Parameters = ()
) -> list[sqlite3.Row]:
    """All rows of a query."""
    return list(await db.execute_fetchall(sql, parameters))


async def value_of(db: aiosqlite.Connection, sql: str, parameters: Parameters = ()) -> Any:
    """The first column of the first row, None without one."""
    rows = await rows_of(db, sql, parameters)
    return rows[0][0] if rows else None


def decode_text(raw: bytes) -> str:
    """SQLite's `text_factory`: bytes that are not UTF-8 become surrogates, which `required` finds.

    Python's own would fail the whole query.
    """
    return raw.decode("utf-8", "surrogateescape")


def required(row: sqlite3.Row, name: str, kind: type[T]) -> T:
    """A column that is never NULL. Raises ValueError if the row is damaged."""
    value = row[name]
    if kind is float and isinstance(value, int):
        value = float(value)  # RETURNING gives a whole number of a REAL column as an integer
    if not isinstance(value, kind):
        raise ValueError(f"{name} is {value!r}")
    if isinstance(value, str):
        value.encode()  # raises UnicodeEncodeError, a ValueError, for a surrogate
    return value


def optional(row: sqlite3.Row, name: str, kind: type[T]) -> T | None:
    """A column that may be NULL. Raises ValueError if the row is damaged."""
    return None if row[name] is None else required(row, name, kind)


def printable(row: sqlite3.Row) -> dict[str, Any]:
    """A row by column, for people to read: what is not UTF-8 in it shows as a question mark."""
    return {
        name: value.encode(errors="replace").decode() if isinstance(value, str) else value
        for name, value in zip(row.keys(), row, strict=True)
    }


def readable(
    table: str, rows: Iterable[sqlite3.Row], decode: Callable[[sqlite3.Row], T]
) -> list[T]:
    """The rows that `decode` can read. The others are logged, counted and left out."""
    decoded = []
    for row in rows:
        try:
            decoded.append(decode(row))
        except ValueError as error:
            report_unreadable(table, tuple(row)[:3], type(error).__name__)
    return decoded


@lru_cache(maxsize=1000)
def report_unreadable(table: str, key: object, error: str) -> None:
    """Logs and counts a damaged row, once in the life of the process however often it is read."""
    DEAD_LETTERS.labels(table).inc()
    log.error("a row cannot be read", table=table, row=repr(key), error=error)
