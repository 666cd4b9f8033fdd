"""The weekly theme: members vote once a week, and the winner is announced once."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from bot.client import ImagineBot
from bot.services import weekly_theme
from core.database.audit_log import AuditLog
from core.database.connection import Database
from core.database.queue import JobQueue
from core.database.statistics import WEEK
from core.database.weekly_themes import WeeklyThemes
from core.discord_ui.audit_log import details_text
from core.moderation import AuditAction, WordRule
from core.settings import Settings
from sandbox import Member, MessageView, Sandbox
from sandbox.discord.client_errors import InteractionError
from sandbox.discord.permissions import Permission
from tests.bot.conftest import TIMEOUT, ephemeral_message, running_bot
from tests.bot.services.killing import Killer, killing

DAY = 24 * 3600.0
OUTAGE = 3600.0  #: longer than Discord recognises a nonce


@pytest.fixture(autouse=True)
def fast_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weekly_theme, "CHECK_SECONDS", 0.02)


@pytest.fixture
def advance(sandbox: Sandbox, database: Database) -> Callable[[float], None]:
    """Advances the clocks of Discord and the bot."""
    clock, passed = database._clock, 0.0
    database._clock = lambda: clock() + passed

    def advance(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        sandbox.clock.advance(seconds)

    return advance


@pytest.fixture
async def voter(sandbox: Sandbox, ada: Member) -> Member:
    """Ada in the channel of the votes."""
    return ada.at(await sandbox.client.channel("themes"))


async def first_poll(voter: Member, database: Database) -> MessageView:
    """The poll of the first vote, once the bot has recorded it: only then may time advance."""
    poll = await voter.wait_for(lambda message: "poll" in message.raw)
    await wait_until_settled(database)
    return poll


async def wait_until_settled(database: Database) -> None:
    """Waits until every closed vote is announced and no vote is due.

    Checked in this order: no vote is due before the previous one is settled.
    """
    votes = WeeklyThemes(database)
    async with asyncio.timeout(TIMEOUT):
        while await votes.closed() or await votes.due():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)


async def announcements(voter: Member) -> list[MessageView]:
    return [each for each in await voter.messages() if "This week's theme" in each.text]


async def test_members_vote_for_a_theme_each_week_and_can_request_the_winner(
    bot: ImagineBot,
    database: Database,
    mo: Member,
    voter: Member,
    bob: Member,
    advance: Callable[[float], None],
) -> None:
    await mo.slash("mod theme", channel=voter.channel_id, hours=48, themes="a mole | a *dragon*")
    await ephemeral_message(mo, "open for 48 hours")
    poll = await first_poll(voter, database)
    assert {"a mole", "a *dragon*"} < poll.answer_ids.keys()
    assert len(poll.answer_ids) == 5
    await voter.vote(poll, "a *dragon*")
    await bob.vote(poll, "a *dragon*")
    await mo.vote(poll, "a mole")
    advance(2 * DAY + 1)
    shown = await voter.wait_for(lambda message: "This week's theme" in message.text)
    assert r"a \*dragon\*" in shown.text
    assert "`/imagine include: a *dragon*`" in shown.text
    assert "2 votes" in shown.text
    (button,) = shown.buttons
    await bob.press(shown, button.custom_id)
    async with asyncio.timeout(TIMEOUT):
        while not (jobs := await JobQueue(database).waiting()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert jobs[0].recipe.include[0].text == "a *dragon*"

    advance(5 * DAY)
    second = await voter.wait_for(lambda each: "poll" in each.raw and each.id != poll.id)
    assert "a mole" in second.answer_ids
    assert "a *dragon*" not in second.answer_ids  # it was the last theme
    await wait_until_settled(database)
    await mo.slash("mod theme")
    await ephemeral_message(mo, "There will be no more votes")
    advance(2 * WEEK)
    await wait_until_settled(database)
    assert len(await announcements(voter)) == 1


async def test_a_tie_is_broken_at_random_and_without_votes_there_is_no_theme(
    bot: ImagineBot, database: Database, mo: Member, voter: Member, advance: Callable[[float], None]
) -> None:
    await mo.slash("mod theme", channel=voter.channel_id)
    poll = await first_poll(voter, database)
    one, other, *_ = poll.answer_ids
    await voter.vote(poll, one)
    await mo.vote(poll, other)
    advance(DAY + 1)
    shown = await voter.wait_for(lambda message: "so one was drawn at random" in message.text)
    assert f"“{one}”, “{other}”" in shown.text
    assert any(f"theme: {theme}\n" in shown.text for theme in (one, other))
    await wait_until_settled(database)
    advance(WEEK - DAY)
    await voter.wait_for(lambda each: "poll" in each.raw and each.id != poll.id)
    await wait_until_settled(database)
    advance(DAY + 1)
    await wait_until_settled(database)
    assert len(await announcements(voter)) == 1


async def test_a_restarted_bot_announces_the_winner_unless_the_week_is_over(
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    mo: Member,
    voter: Member,
    advance: Callable[[float], None],
) -> None:
    async with running_bot(sandbox, settings, database):
        await mo.slash("mod theme", channel=voter.channel_id)
        first = await first_poll(voter, database)
        await voter.vote(first, next(iter(first.answer_ids)))
        await wait_until_settled(database)
    for downtime, polls in ((DAY + 1, 1), (WEEK, 2), (WEEK, 3)):
        await sandbox.gateway.wait_connected(connected=False)
        advance(downtime)
        async with running_bot(sandbox, settings, database):
            await wait_until_settled(database)
        shown = [each for each in await voter.messages() if "poll" in each.raw]
        assert len(shown) == polls
        with suppress(InteractionError):  # the first one has ended
            await voter.vote(shown[-1], next(iter(shown[-1].answer_ids)))
    assert len(await announcements(voter)) == 1


async def test_a_deleted_poll_has_no_winner_and_the_next_week_has_a_vote(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    mo: Member,
    voter: Member,
    advance: Callable[[float], None],
) -> None:
    await mo.slash("mod theme", channel=voter.channel_id)
    poll = await first_poll(voter, database)
    channel = sandbox.world.channel(poll.channel_id)
    sandbox.world.delete(channel, channel.messages[poll.id])
    advance(DAY + 1)
    await wait_until_settled(database)
    assert await voter.messages() == []
    advance(WEEK - DAY)
    await first_poll(voter, database)


async def test_without_the_permission_there_is_no_vote_and_moderators_read_why(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    mo: Member,
    voter: Member,
    advance: Callable[[float], None],
) -> None:
    channel, app = sandbox.world.channel(voter.channel_id), sandbox.world.application.bot
    sandbox.world.overwrite(channel, app.id, deny=int(Permission.SEND_POLLS))
    await mo.slash("mod theme", channel=voter.channel_id)
    await ephemeral_message(mo, "I can't hold votes in")
    sandbox.world.overwrite(channel, app.id)
    await mo.slash("mod theme", channel=voter.channel_id)
    await first_poll(voter, database)
    sandbox.world.overwrite(channel, app.id, deny=int(Permission.SEND_POLLS))
    advance(WEEK + 1)
    await wait_until_settled(database)
    _, (entry, *_) = await AuditLog(database).page(sandbox.guild.id)
    assert entry.action == AuditAction.NO_THEME_VOTE
    assert details_text(entry) == f"a poll can't be posted in <#{voter.channel_id}>"
    assert len([each for each in await voter.messages() if "poll" in each.raw]) == 1


async def test_themes_with_refused_words_and_long_themes_are_not_offered(
    bot: ImagineBot, database: Database, sandbox: Sandbox, mo: Member, voter: Member
) -> None:
    await mo.slash("mod theme", channel=voter.channel_id, themes="a castle | " + "x" * 41)
    await ephemeral_message(mo, "is too long")
    for word in ("mole", "a*"):
        await bot.guild_rules.add_word(sandbox.guild.id, WordRule(word), mo.id)
    await mo.slash("mod theme", channel=voter.channel_id, themes="one mole")
    await ephemeral_message(mo, "matches the rule")
    await mo.slash("mod theme", channel=voter.channel_id, themes="one dragon | two owls | 3 cats")
    poll = await first_poll(voter, database)
    assert {"one dragon", "two owls", "3 cats"} <= poll.answer_ids.keys()
    assert not [theme for theme in poll.answer_ids if theme.startswith("a ")]


async def test_a_bot_killed_at_any_step_posts_each_poll_and_each_theme_once(
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    mo: Member,
    voter: Member,
    advance: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weekly_theme, "CHECK_SECONDS", 1000.0)  # each task checks once
    async with running_bot(sandbox, settings, database) as bot:
        await mo.slash("mod theme", channel=voter.channel_id)
        await ephemeral_message(mo, "open for 24 hours")
        with killing(monkeypatch) as killer:
            for week in range(1, 8):
                await check_votes(bot, killer, at=week)
                advance(OUTAGE)
                await check_votes(bot, killer)
                polls = [each for each in await voter.messages() if "poll" in each.raw]
                assert len(polls) == week
                await voter.vote(polls[-1], next(iter(polls[-1].answer_ids)))
                advance(DAY + 1)
                await check_votes(bot, killer, at=week)
                advance(OUTAGE)
                await check_votes(bot, killer)
                assert len(await announcements(voter)) == week
                advance(WEEK - DAY)


async def check_votes(bot: ImagineBot, killer: Killer, at: int | None = None) -> None:
    """Has the bot check the votes once; kills it at this step, if any."""
    killer.steps, killer.at, killer.armed = 0, at or 0, at is not None
    checking = asyncio.create_task(weekly_theme.hold_theme_votes(bot))
    votes = WeeklyThemes(bot.database)
    async with asyncio.timeout(TIMEOUT):
        while not checking.done() and (await votes.due() or await votes.closed()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    killer.armed = False
    checking.cancel()
    await asyncio.wait([checking])
