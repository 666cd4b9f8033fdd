"""A vote starts once a week, however often it is turned off and on or the bot restarts."""

import asyncio
import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from core.database.audit_log import AuditLog
from core.database.connection import Database
from core.database.statistics import WEEK
from core.database.weekly_themes import ClosedVote, DueVote, ThemeSettings, WeeklyThemes
from core.discord_ui.audit_log import details_text
from tests.core.conftest import Clock
from tests.core.database.moderated import CHANNEL, GUILD, MODERATOR
from tests.databases import new_database

DAY = 24 * 3600.0
SETTINGS = ThemeSettings(CHANNEL, 24, ("a mole", "a “dragon”"))
POLL = 500


async def test_a_vote_starts_closes_and_is_settled_once(database: Database, clock: Clock) -> None:
    themes, start = WeeklyThemes(database), clock.now
    await themes.set(GUILD, SETTINGS, MODERATOR)
    (vote,) = await themes.due()
    assert vote == DueVote(GUILD, SETTINGS, start, None)
    await themes.mark_started(vote, POLL, start + DAY)
    assert (await themes.due(), await themes.closed()) == ([], [])
    clock.now += DAY
    closed = ClosedVote(GUILD, CHANNEL, POLL, start + DAY, start + WEEK)
    assert await themes.closed() == [closed]
    await themes.settle(closed, "a mole")
    assert await themes.closed() == []
    clock.now = start + WEEK
    assert await themes.due() == [DueVote(GUILD, SETTINGS, start + WEEK, "a mole")]


async def test_turning_themes_off_and_on_starts_no_second_vote(
    database: Database, clock: Clock
) -> None:
    themes, start = WeeklyThemes(database), clock.now
    await themes.set(GUILD, SETTINGS, MODERATOR)
    (vote,) = await themes.due()
    await themes.mark_started(vote, POLL, start + DAY)
    await themes.set(GUILD, None, MODERATOR)
    clock.now += DAY
    assert await themes.closed() == []
    other_channel = ThemeSettings(CHANNEL + 1, 48)
    await themes.set(GUILD, other_channel, MODERATOR)
    assert (await themes.due(), await themes.closed()) == ([], [])
    clock.now = start + WEEK
    assert await themes.due() == [DueVote(GUILD, other_channel, start + WEEK, None)]
    _, (on, off, *_) = await AuditLog(database).page(GUILD)
    assert (details_text(on), details_text(off)) == (
        f"a weekly theme in <#{CHANNEL + 1}>",
        "no weekly theme",
    )


async def test_a_vote_that_cannot_be_posted_is_recorded_and_the_next_one_is_due(
    database: Database, clock: Clock
) -> None:
    themes, start = WeeklyThemes(database), clock.now
    await themes.set(GUILD, SETTINGS, MODERATOR)
    (vote,) = await themes.due()
    await themes.mark_skipped(vote)
    assert await themes.due() == []
    _, (entry, _) = await AuditLog(database).page(GUILD)
    assert details_text(entry) == f"a poll can't be posted in <#{CHANNEL}>"
    clock.now += WEEK
    assert [vote.due_at for vote in await themes.due()] == [start + WEEK]


@run(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 20), st.booleans()), max_size=12))
def test_two_votes_never_start_in_the_same_week(days: list[tuple[int, bool]]) -> None:
    """The bot checks after this many days each time, and a moderator may turn it off and on."""
    asyncio.run(_check_votes(days))


async def _check_votes(days: list[tuple[int, bool]]) -> None:
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        async with new_database(Path(folder) / "imagine.db", clock=clock) as database:
            themes = WeeklyThemes(database)
            await themes.set(GUILD, SETTINGS, MODERATOR)
            starts: list[float] = []
            for passed, toggled in days:
                clock.now += passed * DAY
                if toggled:
                    await themes.set(GUILD, None, MODERATOR)
                    await themes.set(GUILD, SETTINGS, MODERATOR)
                for closed in await themes.closed():
                    await themes.settle(closed, None)
                for vote in await themes.due():
                    await themes.mark_started(vote, POLL + len(starts), clock.now + DAY)
                    starts.append(clock.now)
                assert await themes.due() == []
            assert all(b - a >= WEEK for a, b in pairwise(starts))
