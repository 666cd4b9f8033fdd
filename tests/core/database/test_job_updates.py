"""Jobs are updated in one module, and a damaged row stops no update."""

import re
import shutil
import sqlite3
from contextlib import closing
from itertools import cycle
from pathlib import Path

import pytest

from core.database.claims import Claims
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.errors import IdOutOfRangeError
from core.database.jobs import Jobs
from core.database.moderation_queue import ModerationQueue
from core.database.queue import JobQueue
from core.job import State
from tests.core.database.test_dead_letters import GUILD, LEASE, MODERATOR, damage, insert_job
from tests.databases import new_database

ROOT = Path(__file__).parents[3]
UPDATE = re.compile(r"UPDATE\s+(OR\s+\w+\s+)?jobs\b")


def test_jobs_are_updated_in_one_module() -> None:
    """Except by migrations."""
    found = {
        path.relative_to(ROOT).as_posix()
        for package in ("core", "bot", "engine")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".sql") and UPDATE.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"core/database/job_updates.py", "core/database/queries/bury_damaged.sql"}


@pytest.mark.slow
async def test_a_blob_in_any_column_stops_no_update(path: Path) -> None:
    async with new_database(path, clock=lambda: 1_000_000.0) as database:
        for member in (1, 2):
            await insert_job(database, member)
    with closing(sqlite3.connect(path)) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(jobs)") if row[1] != "id"]
    states = cycle((State.QUEUED, State.RUNNING, State.DONE, State.RUNNING))
    for state, column in zip(states, columns, strict=False):
        await _try_every_update(path, state, column)


async def _try_every_update(path: Path, state: State, column: str) -> None:
    copy = path.with_name("copy.db")
    for suffix in ("", "-wal", "-shm"):
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)
    shutil.copy(path, copy)
    async with Database.open(copy, clock=lambda: 1_000_000.0) as database:
        if state is not State.QUEUED:
            await Claims(database).claim("engine", LEASE)
        if state is State.DONE:
            await Claims(database).finish(1, "engine", State.DONE)
    damage(copy, 1, f"{column} = x'00'")
    async with Database.open(copy, clock=lambda: 1_000_100.0) as database:
        await Jobs(database).repost(1)
        await Jobs(database).mark_posted(1)
        await Jobs(database).move(1, 21)
        await ModerationQueue(database).move_up(GUILD, 1, MODERATOR)
        await Claims(database).heartbeat("engine", LEASE, {1: 5})
        await Claims(database).requeue_expired()
        claimed = await Claims(database).claim("engine", LEASE) or await Jobs(database).get(2)
        assert claimed, column
        await Deletions(database).delete_job(1, MODERATOR)
        await Deletions(database).delete_member(1)
        assert not [job for job in await JobQueue(database).waiting() if job.id == 1], column
        assert await Jobs(database).get(1) is None, column
        assert await Jobs(database).get(2), column


@pytest.mark.parametrize("number", [2**63, 10**19, -(2**63) - 1])
async def test_an_id_of_more_than_64_bits_is_refused(database: Database, number: int) -> None:
    job = await insert_job(database)
    with pytest.raises(IdOutOfRangeError):
        await Jobs(database).get(number)
    with pytest.raises(IdOutOfRangeError):
        await ModerationQueue(database).move_up(GUILD, number, MODERATOR)
    assert await Jobs(database).get(job.id) == job
