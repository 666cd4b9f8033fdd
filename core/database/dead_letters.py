"""Reads jobs, even if some of their rows are unreadable."""

import sqlite3
from collections.abc import Iterable

import structlog

from core.database import job_updates
from core.database.connection import Database
from core.database.errors import StoreError
from core.job import Job

log = structlog.stdlib.get_logger(__name__)


async def readable_jobs(database: Database, rows: Iterable[sqlite3.Row]) -> list[Job]:
    """The jobs among rows that were read; unreadable ones become dead letters.

    It does not wait for the write lock: if that is taken, the next reader buries them.
    """
    jobs, unreadable = job_updates.decoded(rows)
    if unreadable:
        try:
            async with database.transaction(wait_seconds=0) as db:
                await job_updates.bury(db, unreadable, database.now())
        except StoreError as error:
            log.warning("unreadable jobs were not buried yet", jobs=unreadable, error=str(error))
    return jobs
