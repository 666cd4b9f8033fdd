"""SQL conditions that check whether the values of a row have their declared types.

Tables are STRICT: if a value has a wrong type, SQLite refuses every UPDATE of the row, whichever
column it sets.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

import aiosqlite

from core.database.rows import rows_of

_STORED = {
    "INTEGER": "'integer'",
    "REAL": "'real', 'integer'",
    "TEXT": "'text'",
    "BLOB": "'blob'",
}
"""The storage classes that SQLite allows in a column of each type."""


@dataclass(frozen=True, slots=True)
class TypeChecks:
    """A condition for each column: its value has its type, or is NULL where that is allowed."""

    required: Mapping[str, str]
    optional: Mapping[str, str]

    @property
    def all_required(self) -> str:
        """A condition: every column that is never NULL has a value of its type."""
        return _all(self.required)

    @property
    def damaged(self) -> str:
        """A condition: some column has a value of another type."""
        return f"NOT ({self.all_required} AND {_all(self.optional)})"


async def type_checks(db: aiosqlite.Connection, table: str) -> TypeChecks:
    """The conditions for a table."""
    columns = await rows_of(
        db, 'SELECT name, type, "notnull" AS needed, pk FROM pragma_table_info(?)', (table,)
    )
    required = {each["name"]: _is_stored(each) for each in columns if each["needed"] or each["pk"]}
    optional = {
        each["name"]: f"{_is_stored(each)} OR {each['name']} IS NULL"
        for each in columns
        if each["name"] not in required
    }
    return TypeChecks(required, optional)


def _is_stored(column: sqlite3.Row) -> str:
    return f"typeof({column['name']}) IN ({_STORED[column['type']]})"


def _all(conditions: Mapping[str, str]) -> str:
    return " AND ".join(f"({each})" for each in conditions.values()) or "true"
