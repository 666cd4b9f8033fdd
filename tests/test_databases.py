"""A copied database equals one that the migrations created."""

import stat
from pathlib import Path

import pytest

from core.database.connection import Database
from tests.databases import new_database


async def _dump(database: Database) -> list[str]:
    async with database.read() as db:
        return [line async for line in db.iterdump()]


async def test_a_copy_equals_a_migrated_database(tmp_path: Path) -> None:
    migrated, copied = tmp_path / "migrated.db", tmp_path / "copied.db"
    async with Database.open(migrated) as one, new_database(copied) as other:
        assert await _dump(one) == await _dump(other)
    assert stat.S_IMODE(copied.stat().st_mode) == stat.S_IMODE(migrated.stat().st_mode)


async def test_an_existing_database_is_not_overwritten(tmp_path: Path) -> None:
    async with new_database(tmp_path / "imagine.db"):
        with pytest.raises(FileExistsError):
            async with new_database(tmp_path / "imagine.db"):
                pass
