"""Which engines are at work."""

from core.database.claims import Claims
from core.database.connection import Database
from core.database.engines import GONE_SECONDS, REPORT_SECONDS, Engine, Engines
from tests.core.conftest import Clock
from tests.core.database.moderated import LEASE, insert_job


async def test_an_engine_is_listed_while_it_reports_itself(
    database: Database, clock: Clock
) -> None:
    engines = Engines(database)
    await insert_job(database)
    await Claims(database).claim("b", LEASE)
    await engines.report(Engine("b", "1.0", "sketch", 1))
    await engines.report(Engine("a", "1.0", "sketch", 4))
    assert [(each.name, each.running) for each in await engines.active()] == [("a", 0), ("b", 1)]
    clock.now += GONE_SECONDS - 1
    await engines.report(Engine("b", "1.1", "sketch", 2))
    assert [each.name for each in await engines.active()] == ["a", "b"]
    clock.now += REPORT_SECONDS
    assert await engines.active() == [Engine("b", "1.1", "sketch", 2, running=1)]
    await engines.remove("b")
    assert await engines.active() == []


async def test_a_clock_set_back_leaves_no_dead_engine(database: Database, clock: Clock) -> None:
    engines = Engines(database)
    await engines.report(Engine("dead", "1.0", "sketch", 1))
    await engines.report(Engine("alive", "1.0", "sketch", 1))
    clock.now -= 3600
    assert await engines.active() == []
    await engines.report(Engine("alive", "1.0", "sketch", 1))
    clock.now += 3600
    assert await engines.active() == []
