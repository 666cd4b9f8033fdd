"""The migrations: numbered SQL in `migrations/`, applied in order, once each."""

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from core.prompt_search import searchable_text

FUNCTIONS = {"searchable_text": searchable_text}
"""Python functions of one argument that migrations may call."""


@cache
def migrations() -> dict[int, str]:
    """The SQL of each migration by its number, in order."""
    found: dict[int, str] = {}
    entries = (entry for entry in files("migrations").iterdir() if entry.name.endswith(".sql"))
    for entry in sorted(entries, key=lambda entry: entry.name):
        number = int(entry.name.partition("_")[0])
        if number in found:
            raise RuntimeError(f"another migration has the same number as {entry.name}")
        found[number] = entry.read_text(encoding="utf-8")
    return found


def statements(sql: str) -> Iterator[str]:
    """The statements of a script, each of which ends at the end of a line.

    Not `executescript`: it commits by itself, which would leave a failed script half applied.
    """
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    yield pending
