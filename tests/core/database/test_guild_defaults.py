"""Defaults of servers and channels."""

import asyncio

from core.database.connection import Database
from core.database.guild_defaults import WHOLE_GUILD, GuildDefaults
from core.defaults import Defaults
from tests.core.database.moderated import GUILD, MODERATOR


async def test_defaults_changed_at_the_same_time_are_all_kept(database: Database) -> None:
    defaults = GuildDefaults(database)
    await asyncio.gather(
        defaults.change(GUILD, WHOLE_GUILD, {"count": 3}, MODERATOR),
        defaults.change(GUILD, WHOLE_GUILD, {"steps": 30}, MODERATOR),
        defaults.change(GUILD, 7, {"steps": 20}, MODERATOR),
    )
    assert await defaults.get(GUILD) == Defaults(count=3, steps=30)
    assert await defaults.get(GUILD, 7) == Defaults(steps=20)
