"""Metrics and health: what Prometheus scrapes from a process."""

import io
import logging
import math
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.job import NewJob
from core.logging import configure_logging
from core.metrics import counting_trace, serve_metrics
from core.recipe import Recipe
from core.settings import Address, Settings, SettingsError
from tests.core.conftest import Clock

RECIPE = Recipe.make("a red circle", width=64, height=64, steps=10)
ADA: Any = {"member_id": 4, "member_name": "Ada"}


@pytest.fixture
def address(unused_tcp_port: int) -> Address:
    return Address(unused_tcp_port)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def scraped_metrics(session: aiohttp.ClientSession, address: Address) -> dict[str, float]:
    """The metrics without labels, as Prometheus reads them."""
    async with session.get(f"http://{address}/metrics") as response:
        assert response.status == 200
        families = text_string_to_metric_families(await response.text())
        return {s.name: s.value for family in families for s in family.samples if not s.labels}


async def health(session: aiohttp.ClientSession, address: Address) -> tuple[int, str]:
    async with session.get(f"http://{address}/healthz") as response:
        return response.status, await response.text()


async def test_the_queue_has_metrics(
    database: Database, clock: Clock, address: Address, session: aiohttp.ClientSession
) -> None:
    async with serve_metrics("BOT_METRICS", address, database, lambda: ""):
        assert (await scraped_metrics(session, address))["imagine_queue_oldest_seconds"] == 0
        for _ in range(3):
            await Jobs(database).insert(
                NewJob(recipe=RECIPE, guild_id=1, channel_id=2, message_id=3, **ADA)
            )
        await Claims(database).claim("an engine", 10)
        await Jobs(database).cancel(2)
        clock.now += 60
        metrics = await scraped_metrics(session, address)
    assert metrics["imagine_queue_waiting_jobs"] == 1
    assert metrics["imagine_queue_oldest_seconds"] == 60
    assert metrics["imagine_queue_running_jobs"] == 1
    assert metrics["imagine_queue_unposted_jobs"] == 1


async def test_health_is_a_status_and_a_sentence(
    database: Database, path: Path, address: Address, session: aiohttp.ClientSession
) -> None:
    problems = iter(["The bot is not connected to Discord."])
    async with serve_metrics("BOT_METRICS", address, database, lambda: next(problems, "")):
        assert await health(session, address) == (503, "The bot is not connected to Discord.")
        assert await health(session, address) == (200, "All is well.")
        with sqlite3.connect(path) as database:
            database.execute("DROP TABLE jobs")
        status, sentence = await health(session, address)
        assert status == 503
        assert str(path) in sentence
        assert math.isnan((await scraped_metrics(session, address))["imagine_queue_waiting_jobs"])


async def test_an_address_in_use_is_named(database: Database, address: Address) -> None:
    async with serve_metrics("BOT_METRICS", address, database, lambda: ""):
        with pytest.raises(SettingsError, match=rf"{address} can't be used: .*in use"):
            async with serve_metrics("ENGINE_METRICS", address, database, lambda: ""):
                pass


async def test_rate_limits_and_lost_connections_are_counted() -> None:
    async def refuse(request: web.Request) -> web.Response:
        if request.path == "/break":
            assert request.transport
            request.transport.abort()
        return web.Response(status=429)

    application = web.Application()
    application.router.add_route("*", "/{any}", refuse)
    before = response_count("429"), response_count("none")
    async with (
        TestServer(application) as server,
        aiohttp.ClientSession(trace_configs=[counting_trace()]) as session,
    ):
        await session.get(server.make_url("/limit"))
        with pytest.raises(aiohttp.ClientError):
            await session.post(server.make_url("/break"))
    assert (response_count("429"), response_count("none")) == (before[0] + 1, before[1] + 1)


def response_count(status: str) -> float:
    return REGISTRY.get_sample_value("imagine_discord_responses_total", {"status": status}) or 0


@pytest.fixture
def configured_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging(Settings(), io.StringIO())
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("configured_logging")
def test_warnings_and_errors_are_counted_by_exception() -> None:
    ours, theirs = structlog.stdlib.get_logger("here"), logging.getLogger("there")
    ours.info("ready")
    ours.warning("a frame was dropped")
    ours.error("painting failed", exc_info=MemoryError())
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        ours.exception("painting failed")
        theirs.exception("Ignoring exception in %s", "on_ready")
    assert logged("info", "here", "") is None
    assert logged("warning", "here", "") == 1
    assert logged("error", "here", "MemoryError") == 1
    assert logged("error", "here", "ZeroDivisionError") == 1
    assert logged("error", "there", "ZeroDivisionError") == 1


def logged(level: str, logger: str, exception: str) -> float | None:
    labels = {"level": level, "logger": logger, "exception": exception}
    return REGISTRY.get_sample_value("imagine_log_messages_total", labels)
