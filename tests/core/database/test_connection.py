"""The database file, shared by several connections and processes."""

import asyncio
import sys
from pathlib import Path

import pytest

from core.database.connection import Database
from core.database.rows import value_of
from core.database.schema import migrations

ANOTHER_PROCESS = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    print(db.execute("SELECT COUNT(*) FROM preferences").fetchone()[0])
db.close()
"""


@pytest.mark.slow
async def test_a_second_connection_of_a_process_does_not_drop_the_locks_of_the_first(
    tmp_path: Path,
) -> None:
    """Else the next process that closes the database deletes the log that the first writes to."""
    path = tmp_path / "imagine.db"
    async with Database.open(path) as database:
        async with Database.open(path):
            pass
        for member in range(1, 4):
            async with database.transaction() as db:
                await db.execute("INSERT INTO preferences (member_id) VALUES (?)", (member,))
            assert await _counted_elsewhere(path) == member
    async with Database.open(path) as database, database.read() as db:
        assert await value_of(db, "SELECT COUNT(*) FROM preferences") == 3


async def _counted_elsewhere(path: Path) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ANOTHER_PROCESS, str(path)), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return int(output)


def test_no_migration_is_numbered_below_one_that_databases_have_applied() -> None:
    """A database of version 10 would never get it. So 7 to 9, which were skipped, stay empty."""
    numbers = list(migrations())
    assert numbers == [*range(1, 7), *range(10, 10 + len(numbers) - 6)]
