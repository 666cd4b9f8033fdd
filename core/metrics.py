"""Metrics for Prometheus, and a health check.

Each module defines its own metrics. Those that both processes share are here, with the HTTP server
for `/metrics` and `/healthz` (status 200 or 503, and a sentence).
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

WAITING = Gauge("imagine_queue_waiting_jobs", "Waiting jobs.")
OLDEST = Gauge("imagine_queue_oldest_seconds", "How long the oldest waiting job has waited.")
RUNNING = Gauge("imagine_queue_running_jobs", "Jobs that are being rendered.")
UNPOSTED = Gauge("imagine_queue_unposted_jobs", "Jobs that ended and are not posted yet.")

RESPONSES = Counter(
    "imagine_discord_responses",
    "Discord's responses by status: 429 is a rate limit, none a request without a response.",
    ["status"],
)
LOGGED = Counter(
    "imagine_log_messages",
    "Warnings and errors in the log, with the type of the exception if there was one.",
    ["level", "logger", "exception"],
)


@asynccontextmanager
async def serve_metrics(
    setting: str, address: Address | None, database: Database, problem: Callable[[], str]
) -> AsyncIterator[None]:
    """Serves metrics and health at an address while the block runs; None serves nothing.

    `setting` is the address's setting, for errors. `problem` returns a sentence about why the
    process is not working now, or "" if it is. Raises SettingsError if the address can't be used.
    """
    if address is None:
        yield
        return
    runner = web.AppRunner(_application(database, problem), access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            raise SettingsError(
                f"{setting}={address} can't be used: {error.strerror}; choose another address."
            ) from error
        yield
    finally:
        await runner.cleanup()


def _application(database: Database, problem: Callable[[], str]) -> web.Application:
    async def metrics(request: web.Request) -> web.Response:
        await _update_queue_gauges(database)
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def health(request: web.Request) -> web.Response:
        sentence = problem() or await _database_error(database)
        return web.Response(text=sentence or "All is well.", status=503 if sentence else 200)

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    application.router.add_get("/healthz", health)
    return application


async def _database_error(database: Database) -> str:
    try:
        await JobQueue(database).stats()
    except StoreError as error:
        return str(error)
    return ""


async def _update_queue_gauges(database: Database) -> None:
    """Updates the queue's gauges; sets them to NaN if the database can't be read."""
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


def counting_trace() -> aiohttp.TraceConfig:
    """A trace that counts Discord's responses, for `discord.Client(http_trace=…)`."""

    async def on_response(
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        end: aiohttp.TraceRequestEndParams,
    ) -> None:
        RESPONSES.labels(str(end.response.status)).inc()

    async def on_exception(
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        end: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        RESPONSES.labels("none").inc()

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(on_response)
    trace.on_request_exception.append(on_exception)
    return trace


class WarningCounter(logging.Handler):
    """A logging handler that counts records of level WARNING and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        LOGGED.labels(record.levelname.lower(), record.name, _exception_type(record)).inc()


def _exception_type(record: logging.LogRecord) -> str:
    """The type of a log record's exception; "" if it has none."""
    exc_info: Any = record.exc_info
    if isinstance(record.msg, dict):  # from structlog
        exc_info = record.msg.get("exc_info")
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    return type(error).__name__ if isinstance(error, BaseException) else ""
