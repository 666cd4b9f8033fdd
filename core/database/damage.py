"""Repairs rows that SQLite refuses to update because a column has a value of the wrong type.

Tables are STRICT, so only a damaged file or another program leaves such a row. Reads skip it, but
an UPDATE that includes it fails as a whole, whichever column it sets. A job becomes a dead letter.
In other tables, a damaged value becomes NULL where that is allowed; otherwise the row, which can't
be read anyway, is deleted.
"""

import aiosqlite

from core.database import job_updates
from core.database.column_types import type_checks
from core.database.rows import report_unreadable, rows_of

_NULL_HAS_MEANING = frozenset({"blocks"})
"""Tables in which NULL has a meaning (blocks: forever), so their damaged rows are deleted."""

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


async def repair(db: aiosqlite.Connection, now: float) -> None:
    """Repairs the rows of all tables, in an open transaction.

    All, because SQLite's error only names the table that is written to, but the damaged value may
    have come from another one.
    """
    await job_updates.bury_damaged(db, now)
    for row in await rows_of(db, _TABLES):
        if row["name"] != "jobs":
            await _repair(db, row["name"], now)


async def _repair(db: aiosqlite.Connection, table: str, now: float) -> None:
    checks = await type_checks(db, table)
    damaged, complete = checks.damaged, checks.all_required
    if not await rows_of(db, f"SELECT 1 FROM {table} WHERE {damaged} LIMIT 1"):
        return
    report_unreadable(table, now, "IntegrityError")
    if checks.optional and table not in _NULL_HAS_MEANING:
        assignments = [
            f"{name} = CASE WHEN {good} THEN {name} END" for name, good in checks.optional.items()
        ]
        nulls = ", ".join(assignments)
        await db.execute(f"UPDATE OR IGNORE {table} SET {nulls} WHERE {damaged} AND {complete}")
    await db.execute(f"DELETE FROM {table} WHERE {damaged}")
