"""Usage statistics describe exactly the jobs of their period."""

import asyncio
import math
import tempfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from core.database.audit_log import AuditLog
from core.database.connection import Database
from core.database.statistics import Statistics, UsageStatistics
from tests.core.conftest import Clock
from tests.databases import new_database

SINCE = 1_000_000.0


class Row(NamedTuple):
    """A job as the statistics see it; `wait` is None if it never started."""

    state: str
    member: int
    guild: int | None
    age: float
    wait: float | None
    images: int


ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from(["queued", "running", "done", "failed", "cancelled"]),
        st.integers(1, 3),
        st.sampled_from([1, 2, None]),
        st.integers(-100, 100).map(float),
        st.none() | st.floats(0, 1000),
        st.integers(1, 4),
    ),
    max_size=12,
)


@run(max_examples=50)
@given(ROWS, st.sampled_from([1, None]))
def test_numbers_and_percentiles_are_those_of_the_period(
    rows: list[Row], guild: int | None
) -> None:
    found = asyncio.run(_measured(rows, guild))
    seen = [row for row in rows if row.age >= 0 and guild in (row.guild, None)]
    waits = sorted(row.wait for row in seen if row.wait is not None)
    assert (found.jobs, found.members) == (len(seen), len({row.member for row in seen}))
    for state in ("done", "failed", "cancelled"):
        assert getattr(found, state) == sum(row.state == state for row in seen)
    assert found.images == sum(row.images for row in seen if row.state == "done")
    for wait, share in ((found.median_wait, 0.5), (found.long_wait, 0.9)):
        if not waits:
            assert wait is None
            continue
        assert wait is not None
        # At least this share of the jobs waited no longer, and a smaller share waited less.
        assert sum(each <= wait + 1e-6 for each in waits) >= math.ceil(share * len(waits) - 1e-9)
        assert sum(each < wait - 1e-6 for each in waits) < share * len(waits)


async def _measured(rows: list[Row], guild: int | None) -> Statistics:
    with tempfile.TemporaryDirectory() as folder:
        async with new_database(Path(folder) / "imagine.db") as database:
            for row in rows:
                await _insert(database, row)
            return await UsageStatistics(database).since(SINCE, guild)


async def _insert(database: Database, row: Row) -> None:
    created = SINCE + row.age
    ended = row.state in ("done", "failed", "cancelled")
    async with database.transaction() as db:
        await db.execute(
            "INSERT INTO jobs (recipe, guild_id, channel_id, member_id, member_name, state, turn,"
            " engine, lease_until, created_at, started_at, finished_at, pictures, work)"
            " VALUES ('{}', ?, 1, ?, 'Ada', ?, 0, 'engine', ?, ?, ?, ?, ?, 1)",
            (
                row.guild,
                row.member,
                row.state,
                created if row.state == "running" else None,
                created,
                None if row.wait is None else created + row.wait,
                created if ended else None,
                row.images,
            ),
        )


async def test_refusals_of_the_period_are_counted(database: Database, clock: Clock) -> None:
    log, statistics = AuditLog(database), UsageStatistics(database)
    await log.record_refusal(1, 4, "too old")
    clock.now += 100
    since = clock.now
    for guild in (1, 1, 2):
        await log.record_refusal(guild, 4, "a refused word")
    assert (await statistics.since(since)).refusals == 3
    assert (await statistics.since(since, 1)).refusals == 2
