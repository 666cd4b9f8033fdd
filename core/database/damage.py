"""Repairs rows that SQLite lets nobody update, because a column holds a value of the wrong type.

Only a damaged file, or another program, leaves such a row: tables are STRICT. Reads leave it out,
but an UPDATE fails whole if it meets the row, whichever column it sets. A job becomes a dead
letter. In other tables a damaged value becomes NULL where that is allowed; else the row, which
nobody could read, is deleted.
"""

import sqlite3
from collections.abc import Mapping

import aiosqlite

from core.database import job_updates
from core.database.rows import report_unreadable, rows_of

_STORED = {
    "INTEGER": "'integer'",
    "REAL": "'real', 'integer'",
    "TEXT": "'text'",
    "BLOB": "'blob'",
}
"""What SQLite may store in a column of each type."""

_MEANS_FOREVER = frozenset({"blocks"})
"""Tables in which NULL says more than that nothing is known: their damaged rows are deleted."""

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


async def repair(db: aiosqlite.Connection, now: float) -> None:
    """Repairs the rows of all tables, in an open transaction.

    SQLite's error names the table of a statement, which may copy the value from another one.
    """
    for row in await rows_of(db, _TABLES):
        await _repair(db, row["name"], now)


async def _repair(db: aiosqlite.Connection, table: str, now: float) -> None:
    columns = await rows_of(
        db, 'SELECT name, type, "notnull" AS needed, pk FROM pragma_table_info(?)', (table,)
    )
    needed = {each["name"]: _is_stored(each) for each in columns if each["needed"] or each["pk"]}
    optional = {
        each["name"]: f"{_is_stored(each)} OR {each['name']} IS NULL"
        for each in columns
        if each["name"] not in needed
    }
    damaged = f"NOT ({_all(needed)} AND {_all(optional)})"
    if not await rows_of(db, f"SELECT 1 FROM {table} WHERE {damaged} LIMIT 1"):
        return
    report_unreadable(table, now, "IntegrityError")
    if table == "jobs":
        rows = await rows_of(db, f"SELECT id FROM jobs WHERE {damaged}")
        await job_updates.bury(db, [row["id"] for row in rows], now)
        return
    if optional and table not in _MEANS_FOREVER:
        changes = [f"{name} = CASE WHEN {good} THEN {name} END" for name, good in optional.items()]
        await db.execute(
            f"UPDATE OR IGNORE {table} SET {', '.join(changes)} WHERE {damaged} AND {_all(needed)}"
        )
    await db.execute(f"DELETE FROM {table} WHERE {damaged}")


def _is_stored(column: sqlite3.Row) -> str:
    """SQL: whether a column holds a value of its type."""
    return f"typeof({column['name']}) IN ({_STORED[column['type']]})"


def _all(conditions: Mapping[str, str]) -> str:
    return " AND ".join(f"({each})" for each in conditions.values()) or "true"
