"""The database file, shared by several connections and processes."""

import asyncio
import sys
from pathlib import Path

import pytest

from core.database.connection import Database
from core.database.rows import value_of
from core.database.schema import migrations

COUNT_SCRIPT = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    print(db.execute("SELECT COUNT(*) FROM preferences").fetchone()[0])
db.close()
"""


@pytest.mark.slow
async def test_a_second_connection_of_a_process_does_not_drop_the_locks_of_the_first(
    tmp_path: Path,
) -> None:
    """Otherwise the next process to close the database deletes the WAL that the first writes to."""
    path = tmp_path / "imagine.db"
    async with Database.open(path) as database:
        async with Database.open(path):
            pass
        for member in range(1, 4):
            async with database.transaction() as db:
                await db.execute("INSERT INTO preferences (member_id) VALUES (?)", (member,))
            assert await _count_in_another_process(path) == member
    async with Database.open(path) as database, database.read() as db:
        assert await value_of(db, "SELECT COUNT(*) FROM preferences") == 3


async def _count_in_another_process(path: Path) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COUNT_SCRIPT, str(path)), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return int(output)


def test_no_new_migration_has_a_number_below_an_applied_one() -> None:
    """A database of version 10 would never apply it, so the skipped numbers 7 to 9 stay unused."""
    numbers = list(migrations())
    assert numbers == [*range(1, 7), *range(10, 10 + len(numbers) - 6)]
