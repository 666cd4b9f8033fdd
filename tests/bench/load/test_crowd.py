"""A generated queue is like one that the product itself has written."""

import time
from collections import Counter
from pathlib import Path

import pytest

from bench.load.crowd import MAX_WAITING, PAUSED, fill
from bench.load.queue import FAST_QUERIES, Queue
from core.database.connection import Database
from core.database.guild_settings import GuildSettings
from core.database.queue import JobQueue


@pytest.mark.slow
async def test_a_generated_queue_is_like_one_of_the_product(tmp_path: Path) -> None:
    path = tmp_path / "imagine.db"
    await fill(path, 300, now=time.time())
    async with Database.open(path) as database:
        queue = await JobQueue(database).waiting(1000)
        assert len(queue) == await JobQueue(database).waiting_count() == 300
        assert max(Counter(job.member_id for job in queue).values()) <= MAX_WAITING
        assert (await GuildSettings(database).get(PAUSED)).pause
        assert any(job.guild_id == PAUSED for job in queue)
        async with database.snapshot() as db:
            finished = await db.execute_fetchall("SELECT * FROM jobs WHERE state = 'done'")
        assert len(list(finished)) > 50
        found = await Queue(database).measure()
        assert set(FAST_QUERIES) < set(found)
        assert await JobQueue(database).running() == []
