"""What a host can measure: numbers for Prometheus, and whether a process does its work.

Each number is kept where it comes about. Here are those that both processes share, and the small
server that shows them: `/metrics`, and `/healthz` with the status 200 or 503 and a sentence.
"""

import logging
import math
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest

from core.database.connection import Database
from core.database.errors import StoreError
from core.database.queue import JobQueue
from core.settings import Address, SettingsError

WAITING = Gauge("imagine_queue_waiting_jobs", "Jobs that wait.")
OLDEST = Gauge("imagine_queue_oldest_seconds", "For how long the oldest waiting job has waited.")
RUNNING = Gauge("imagine_queue_running_jobs", "Jobs that are being painted.")
UNPOSTED = Gauge("imagine_queue_unposted_jobs", "Jobs that ended and are not shown yet.")

ANSWERS = Counter(
    "imagine_discord_answers",
    "Discord's answers by their status: 429 is a rate limit, none a request that got no answer.",
    ["status"],
)
TROUBLES = Counter(
    "imagine_troubles",
    "Warnings and errors in the log, with the kind of error where there was one.",
    ["level", "where", "kind"],
)


@asynccontextmanager
async def measured(
    setting: str, address: Address | None, database: Database, trouble: Callable[[], str]
) -> AsyncIterator[None]:
    """Answers at the address of this setting while the block runs; without one it does nothing.

    `trouble` says in a sentence why the process does not do its work at present, "" if it does.
    Raises SettingsError where nothing can be served at the address.
    """
    if address is None:
        yield
        return
    runner = web.AppRunner(_application(database, trouble), access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            raise SettingsError(
                f"Nothing can be served at {setting}={address}: {error.strerror}; choose another."
            ) from error
        yield
    finally:
        await runner.cleanup()


def _application(database: Database, trouble: Callable[[], str]) -> web.Application:
    async def metrics(request: web.Request) -> web.Response:
        await _measure_queue(database)
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def health(request: web.Request) -> web.Response:
        sentence = trouble() or await _unreadable(database)
        return web.Response(text=sentence or "All is well.", status=503 if sentence else 200)

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    application.router.add_get("/healthz", health)
    return application


async def _unreadable(database: Database) -> str:
    try:
        await JobQueue(database).stats()
    except StoreError as error:
        return str(error)
    return ""


async def _measure_queue(database: Database) -> None:
    """Reads the queue's numbers; what cannot be read is not a number."""
    try:
        stats = await JobQueue(database).stats()
    except StoreError:
        for gauge in (WAITING, OLDEST, RUNNING, UNPOSTED):
            gauge.set(math.nan)
        return
    WAITING.set(stats.waiting)
    OLDEST.set(0 if stats.oldest is None else max(0.0, database.now() - stats.oldest))
    RUNNING.set(stats.running)
    UNPOSTED.set(stats.unposted)


def counted_requests() -> aiohttp.TraceConfig:
    """For `discord.Client(http_trace=…)`: discord.py itself does not tell of its rate limits."""

    async def answered(
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        end: aiohttp.TraceRequestEndParams,
    ) -> None:
        ANSWERS.labels(str(end.response.status)).inc()

    async def unanswered(
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        end: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        ANSWERS.labels("none").inc()

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(answered)
    trace.on_request_exception.append(unanswered)
    return trace


class CountTroubles(logging.Handler):
    """Counts what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        TROUBLES.labels(record.levelname.lower(), record.name, _kind(record)).inc()


def _kind(record: logging.LogRecord) -> str:
    """The type of the error that an entry tells of, "" if it tells of none."""
    told: Any = record.exc_info
    if isinstance(record.msg, dict):  # an entry of structlog's
        told = record.msg.get("exc_info")
    if told is True:
        told = sys.exc_info()
    if isinstance(told, tuple):
        told = told[1]
    return type(told).__name__ if isinstance(told, BaseException) else ""
