"""An engine is listed for the host while it runs."""

from core.database.connection import Database
from core.database.engines import Engines
from engine.presence import reported
from tests.engine.conftest import until


async def test_an_engine_is_listed_until_it_stops(database: Database) -> None:
    async with reported(database, "box:1:ab", "sketch", lambda: 2):
        await until(Engines(database).active)
        (engine,) = await Engines(database).active()
        assert (engine.name, engine.model, engine.renderers) == ("box:1:ab", "sketch", 2)
    assert await Engines(database).active() == []
