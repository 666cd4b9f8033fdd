"""Shared by the engine's tests: a database on disk, the sandbox, recipes and queued jobs."""

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
"""Images of things that `picturebook` rendered, 128 × 128 pixels each."""
TIMEOUT_SECONDS = 240.0  #: how long a test waits for a condition


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
def enqueue_recipe(database: Database) -> Callable[..., Awaitable[Job]]:
    """Adds a recipe to the queue as a job."""

    async def enqueue_recipe(
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

    return enqueue_recipe


@pytest.fixture
def enqueue(
    enqueue_recipe: Callable[..., Awaitable[Job]], recipe: Callable[..., Recipe]
) -> Callable[..., Awaitable[Job]]:
    """Adds a job to the queue."""

    async def enqueue(channel_id: int = 1, message_id: int | None = None, **values: Any) -> Job:
        return await enqueue_recipe(recipe(**values), channel_id, message_id)

    return enqueue


async def until(condition: Callable[[], Any], timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
    """Waits until `condition()` is truthy, and returns its value. The condition may be async."""
    pause = 0.002
    async with asyncio.timeout(timeout_seconds):
        while True:
            value = condition()
            if isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, 0.05)  # a query takes about 1 ms
