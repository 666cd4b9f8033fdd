"""Shared fixtures: an empty database with a fake clock."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from core.database.connection import Database
from tests import any_recipe  # noqa: F401 - registers the strategies for Recipe and Prompt
from tests.databases import new_database

settings.register_profile("no deadline", deadline=None)  # a slow machine is not a failure
settings.load_profile("no deadline")


@dataclass
class Clock:
    """A fake wall clock: it only moves when a test sets `now`."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "imagine.db"


@pytest.fixture
async def database(path: Path, clock: Clock) -> AsyncIterator[Database]:
    async with new_database(path, clock=clock) as opened:
        yield opened
