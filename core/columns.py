"""Reading single columns of a database row, with their types checked.

A column holds what its table declares, unless the file was damaged or another version of the
program wrote it. Both functions check that at each read and raise ValueError.
"""

import sqlite3
from typing import TypeVar

T = TypeVar("T")


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
