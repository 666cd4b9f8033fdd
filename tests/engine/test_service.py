"""The whole engine, from the queue to the channel, with a model of random weights."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import torch
from prometheus_client import REGISTRY
from pydantic import SecretStr

from core.database.connection import Database
from core.database.jobs import Jobs
from core.discord_ui.reasons import reason_text
from core.job import Job, Reason, State
from core.settings import Address, Settings
from engine import service
from engine.models import catalogue
from engine.models.model import read_model
from engine.service import serve
from engine.synthesis.config import CONFIGS
from sandbox import Sandbox
from sandbox.discord.models import Draft
from tests.engine.conftest import until
from tests.engine.random_pair import random_sketch
from tests.engine.synthesis.conftest import QUICK

JobFactory = Callable[..., Awaitable[Job]]


@pytest.fixture
def address(unused_tcp_port: int) -> Address:
    return Address(unused_tcp_port)


@pytest.fixture
def running_engine(
    database: Database,
    discord: Sandbox,
    address: Address,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    model = read_model(
        catalogue.find("sketch"), random_sketch(tmp_path / "sketch"), torch.device("cpu")
    )
    monkeypatch.setattr(service, "load_model", lambda *args: model)
    monkeypatch.setitem(CONFIGS, "sketch", QUICK)
    settings = Settings(
        discord_token=SecretStr(discord.token),
        discord_api_url=discord.api_url,
        database_path=tmp_path / "imagine.db",
        data_dir=tmp_path,
        device="cpu",
        engine_metrics=address,
    )

    @asynccontextmanager
    async def running_engine() -> AsyncIterator[None]:
        running = asyncio.create_task(serve(settings))
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    return running_engine


@pytest.mark.slow
async def test_outcomes_are_posted_to_the_channel(
    database: Database, discord: Sandbox, enqueue: JobFactory, running_engine: Any
) -> None:
    message = discord.world.post(
        discord.channel, discord.world.application.bot, Draft(content="Position 1")
    )
    job = await enqueue(channel_id=discord.channel.id, message_id=message.id)
    refused = await enqueue(channel_id=discord.channel.id, message_id=message.id, width=18)

    async def all_posted() -> bool:
        return all([(await Jobs(database).get(each.id)).posted for each in (job, refused)])  # type: ignore[union-attr]

    async with running_engine():
        await until(all_posted)
    done, failed = await Jobs(database).get(job.id), await Jobs(database).get(refused.id)
    assert done
    assert failed
    assert (done.state, failed.state) == (State.DONE, State.FAILED)
    assert "multiples of" in reason_text(failed.reason)
    assert discord.unhandled == []


async def test_health_and_metrics_are_reported(
    database: Database,
    discord: Sandbox,
    enqueue: JobFactory,
    running_engine: Any,
    address: Address,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = metrics()
    may_load, load = threading.Event(), service.load_model
    monkeypatch.setattr(service, "load_model", lambda *args: may_load.wait() and load(*args))
    message = discord.world.post(
        discord.channel, discord.world.application.bot, Draft(content="Position 1")
    )
    job = await enqueue(channel_id=discord.channel.id, message_id=message.id)

    async def is_posted() -> bool:
        now = await Jobs(database).get(job.id)
        return now is not None and now.posted

    async with aiohttp.ClientSession(f"http://{address}") as session, running_engine():

        async def health() -> tuple[int, str] | None:
            try:
                async with session.get("/healthz") as response:
                    return response.status, await response.text()
            except aiohttp.ClientConnectionError:
                return None

        status, sentence = await until(health)
        assert status == 503
        assert "not started" in sentence
        may_load.set()
        await until(is_posted)
        assert await health() == (200, "All is well.")
        monkeypatch.setattr(service, "STUCK_SECONDS", -1)
        status, sentence = await until(health)
        assert status == 503
        assert "hangs" in sentence
    assert metrics() == (before[0] + job.recipe.steps, before[1] + 1, before[2] + 1)


def metrics() -> tuple[float, ...]:
    """The numbers of steps, of started jobs and of finished jobs."""
    counted = (
        ("imagine_step_seconds_count", {}),
        ("imagine_job_waiting_seconds_count", {}),
        ("imagine_job_running_seconds_count", {"state": "done"}),
    )
    return tuple(REGISTRY.get_sample_value(*name) or 0 for name in counted)


async def test_a_shutdown_gives_running_jobs_back_and_the_next_start_resumes_them(
    database: Database, discord: Sandbox, enqueue: JobFactory, running_engine: Any
) -> None:
    message = discord.world.post(
        discord.channel, discord.world.application.bot, Draft(content="Position 1")
    )
    job = await enqueue(channel_id=discord.channel.id, message_id=message.id, steps=2000)

    async def state() -> State:
        now = await Jobs(database).get(job.id)
        assert now
        return now.state

    async def is_running() -> bool:
        return await state() is State.RUNNING

    async with running_engine():
        await until(is_running)
    assert await state() is State.QUEUED
    async with running_engine():
        await until(is_running)
        await Jobs(database).cancel(job.id, reason=Reason(text="Enough."))

        async def is_posted() -> bool:
            now = await Jobs(database).get(job.id)
            return now is not None and now.posted

        await until(is_posted)
    assert "Enough." in str(message.components)
