"""Reports an engine in the database while it runs, for `/host status`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

import structlog

from core.database.connection import Database
from core.database.engines import REPORT_SECONDS, Engine, Engines
from core.database.errors import StoreError

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def reported(
    database: Database, name: str, model: str, renderers: Callable[[], int]
) -> AsyncIterator[None]:
    """Lists the engine as running for the duration of the block."""
    engines = Engines(database)

    async def report() -> None:
        while True:
            try:
                await engines.report(Engine(name, version("imagine"), model, renderers()))
            except StoreError as error:
                log.warning("the engine cannot be reported, trying again", error=str(error))
            await asyncio.sleep(REPORT_SECONDS)

    task = asyncio.create_task(report())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        with suppress(StoreError):  # without reports, the engine counts as gone after a while
            await engines.remove(name)
