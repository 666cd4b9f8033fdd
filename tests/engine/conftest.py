"""What the tests of the engine share: a database on disk, recipes, and patience."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest

from core.database.connection import Database
from core.database.jobs import Jobs
from core.job import Job, NewJob
from core.recipe import Recipe
from engine.media import Provenance
from sandbox import Sandbox
from tests.databases import new_database

MADE_BY = Provenance("sketch", {"clip.safetensors": "00ff"})
THINGS = Path(__file__).parents[2] / "bench" / "quality" / "practice_things.png"
"""Things that `picturebook` has painted, 128 pixels a side."""
PATIENCE = 240.0  #: seconds until a test that waits for something gives up


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with new_database(tmp_path / "imagine.db") as opened:
        yield opened


@pytest.fixture
async def discord() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    def make(include: str = "a red circle", exclude: str = "", **values: Any) -> Recipe:
        defaults = {"width": 16, "height": 16, "steps": 5, "seed": 7}
        return Recipe.make(include, exclude, **(defaults | values))

    return make


@pytest.fixture
def ask_for(database: Database) -> Callable[..., Awaitable[Job]]:
    """Puts a recipe into the queue."""

    async def ask_for(
        recipe: Recipe,
        channel_id: int = 1,
        message_id: int | None = None,
        guild_id: int | None = None,
        spoilered: bool = False,
    ) -> Job:
        return await Jobs(database).insert(
            NewJob(
                recipe=recipe,
                guild_id=guild_id,
                channel_id=channel_id,
                message_id=message_id,
                member_id=1,
                member_name="Ada",
                spoilered=spoilered,
            )
        )

    return ask_for


@pytest.fixture
def ask(
    ask_for: Callable[..., Awaitable[Job]], recipe: Callable[..., Recipe]
) -> Callable[..., Awaitable[Job]]:
    """Puts a job into the queue."""

    async def ask(channel_id: int = 1, message_id: int | None = None, **values: Any) -> Job:
        return await ask_for(recipe(**values), channel_id, message_id)

    return ask


async def until(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Waits until `condition()`, or what it awaits, is true; returns that."""
    pause = 0.002
    async with asyncio.timeout(patience):
        while True:
            value = condition()
            if isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, 0.05)  # a look at the database takes a thousandth
