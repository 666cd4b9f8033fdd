"""Runs queries and decodes their rows one by one, so that a damaged row affects no other.

`core.columns` detects the damage.
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
    "Rows of the database that could not be read, by their table.",
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
    """The first column of the first row; None if there is no row."""
    rows = await rows_of(db, sql, parameters)
    return rows[0][0] if rows else None


def decode_text(raw: bytes) -> str:
    """SQLite's `text_factory`: bytes that are not UTF-8 become surrogates.

    `core.columns` finds them. Python's default would make the whole query fail.
    """
    return raw.decode("utf-8", "surrogateescape")


def printable(row: sqlite3.Row) -> dict[str, Any]:
    """A row by column, for people to read: bytes that are not UTF-8 become question marks."""
    return {name: _printable(value) for name, value in zip(row.keys(), row, strict=True)}


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return value.hex() if isinstance(value, bytes) else value


def readable(
    table: str, rows: Iterable[sqlite3.Row], decode: Callable[[sqlite3.Row], T]
) -> list[T]:
    """The rows that `decode` can read. The others are logged, counted and skipped."""
    decoded = []
    for row in rows:
        try:
            decoded.append(decode(row))
        except (ValueError, RecursionError) as error:
            report_unreadable(table, tuple(row)[:3], type(error).__name__)
    return decoded


@lru_cache(maxsize=1000)
def report_unreadable(table: str, key: object, error: str) -> None:
    """Logs and counts a damaged row, once per process, however often it is read."""
    DEAD_LETTERS.labels(table).inc()
    log.error("a row cannot be read", table=table, row=repr(key), error=error)
