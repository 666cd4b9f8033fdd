"""Reads columns of a database row and checks their types.

A column holds a value of its declared type, unless the file is damaged or was written by another
version of the program. Both functions check this at each read and raise ValueError.
"""

import sqlite3
from typing import TypeVar

T = TypeVar("T")


def required(row: sqlite3.Row, name: str, kind: type[T]) -> T:
    """A column that is never NULL. Raises ValueError if the row is damaged."""
    value = row[name]
    if kind is float and isinstance(value, int):
        value = float(value)  # RETURNING yields an integer for a whole number in a REAL column
    if not isinstance(value, kind):
        raise ValueError(f"{name} is {value!r}")
    if isinstance(value, str):
        value.encode()  # raises UnicodeEncodeError, a ValueError, for a surrogate
    return value


def optional(row: sqlite3.Row, name: str, kind: type[T]) -> T | None:
    """A column that may be NULL. Raises ValueError if the row is damaged."""
    return None if row[name] is None else required(row, name, kind)
