"""A digest is due once a week, however often the bot restarts."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from core.database.audit_log import AuditLog
from core.database.connection import Database
from core.database.guild_settings import GuildSettings
from core.database.statistics import WEEK
from core.database.weekly_digests import DueDigest, WeeklyDigests
from tests.core.conftest import Clock
from tests.core.database.moderated import CHANNEL, GUILD, MODERATOR
from tests.databases import new_database


async def test_only_a_server_that_wants_digests_and_has_a_log_channel_gets_one(
    database: Database, clock: Clock
) -> None:
    digests, guilds = WeeklyDigests(database), GuildSettings(database)
    await digests.set_enabled(GUILD, MODERATOR, enabled=True)
    clock.now += WEEK
    assert await digests.due() == []
    await guilds.set_log_channel(GUILD, CHANNEL, MODERATOR)
    assert await digests.due() == [DueDigest(GUILD, CHANNEL, clock.now)]
    await digests.set_enabled(GUILD, MODERATOR, enabled=True)  # again: it stays due
    assert len(await digests.due()) == 1
    await digests.set_enabled(GUILD, MODERATOR, enabled=False)
    assert await digests.due() == []
    _, (entry, *_) = await AuditLog(database).page(GUILD)
    assert entry.details == {"weekly_digest": False}


@run(max_examples=30)
@given(st.lists(st.floats(0.1, 40.0), max_size=10))
def test_two_digests_are_never_due_in_the_same_week(days: list[float]) -> None:
    """The bot checks after this many days each time; it does not make up for missed digests."""
    asyncio.run(_check_digests(days))


async def _check_digests(days: list[float]) -> None:
    clock = Clock()
    start = clock.now
    with tempfile.TemporaryDirectory() as folder:
        async with new_database(Path(folder) / "imagine.db", clock=clock) as database:
            digests = WeeklyDigests(database)
            await GuildSettings(database).set_log_channel(GUILD, CHANNEL, MODERATOR)
            await digests.set_enabled(GUILD, MODERATOR, enabled=True)
            weeks = [0]
            for passed in days:
                clock.now += passed * 86_400
                week = int((clock.now - start) // WEEK)
                due = await digests.due()
                assert len(due) == (week > weeks[-1])
                for digest in due:
                    await digests.mark_posted(digest)
                    weeks.append(week)
                assert await digests.due() == []
