"""The weekly theme: members vote once a week, and what wins is announced once."""

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
from tests.bot.conftest import PATIENCE, private_message, running_bot
from tests.bot.services.killing import Killer, killing

DAY = 24 * 3600.0
OUTAGE = 3600.0  #: longer than Discord recognises a nonce


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weekly_theme, "LOOK_SECONDS", 0.02)


@pytest.fixture
def wait(sandbox: Sandbox, database: Database) -> Callable[[float], None]:
    """Lets time pass, for Discord and the bot alike."""
    clock, passed = database._clock, 0.0
    database._clock = lambda: clock() + passed

    def wait(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        sandbox.clock.advance(seconds)

    return wait


@pytest.fixture
async def hall(sandbox: Sandbox, ada: Member) -> Member:
    """Ada in the channel for the votes."""
    return ada.at(await sandbox.client.channel("themes"))


async def poll_in(hall: Member, database: Database) -> MessageView:
    """The poll of the first vote, once the bot has recorded it: time may pass then."""
    poll = await hall.wait_for(lambda message: "poll" in message.raw)
    await settled(database)
    return poll


async def settled(database: Database) -> None:
    """Waits until none of the votes that are closed has to be announced, and then none is due.

    In this order: no vote is due as long as the one before it is not settled.
    """
    votes = WeeklyThemes(database)
    async with asyncio.timeout(PATIENCE):
        while await votes.closed() or await votes.due():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


async def announcements(hall: Member) -> list[MessageView]:
    return [each for each in await hall.messages() if "This week's theme" in each.text]


async def test_members_vote_for_a_theme_each_week_and_request_what_won(
    bot: ImagineBot,
    database: Database,
    mo: Member,
    hall: Member,
    bob: Member,
    wait: Callable[[float], None],
) -> None:
    await mo.slash("mod theme", channel=hall.channel_id, hours=48, themes="a mole | a *dragon*")
    await private_message(mo, "open for 48 hours")
    poll = await poll_in(hall, database)
    assert {"a mole", "a *dragon*"} < poll.answer_ids.keys()
    assert len(poll.answer_ids) == 5
    await hall.vote(poll, "a *dragon*")
    await bob.vote(poll, "a *dragon*")
    await mo.vote(poll, "a mole")
    wait(2 * DAY + 1)
    shown = await hall.wait_for(lambda message: "This week's theme" in message.text)
    assert r"a \*dragon\*" in shown.text
    assert "`/imagine include: a *dragon*`" in shown.text
    assert "2 votes" in shown.text
    (button,) = shown.buttons
    await bob.press(shown, button.custom_id)
    async with asyncio.timeout(PATIENCE):
        while not (jobs := await JobQueue(database).waiting()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert jobs[0].recipe.include[0].text == "a *dragon*"

    wait(5 * DAY)
    second = await hall.wait_for(lambda each: "poll" in each.raw and each.id != poll.id)
    assert "a mole" in second.answer_ids
    assert "a *dragon*" not in second.answer_ids  # it has just been the theme
    await settled(database)
    await mo.slash("mod theme")
    await private_message(mo, "There will be no more votes")
    wait(2 * WEEK)
    await settled(database)
    assert len(await announcements(hall)) == 1


async def test_a_tie_is_broken_by_lot_and_without_a_vote_there_is_no_theme(
    bot: ImagineBot, database: Database, mo: Member, hall: Member, wait: Callable[[float], None]
) -> None:
    await mo.slash("mod theme", channel=hall.channel_id)
    poll = await poll_in(hall, database)
    one, other, *_ = poll.answer_ids
    await hall.vote(poll, one)
    await mo.vote(poll, other)
    wait(DAY + 1)
    shown = await hall.wait_for(lambda message: "so one was drawn at random" in message.text)
    assert f"“{one}”, “{other}”" in shown.text
    assert any(f"theme: {theme}\n" in shown.text for theme in (one, other))
    await settled(database)
    wait(WEEK - DAY)
    await hall.wait_for(lambda each: "poll" in each.raw and each.id != poll.id)
    await settled(database)
    wait(DAY + 1)
    await settled(database)
    assert len(await announcements(hall)) == 1


async def test_a_restarted_bot_announces_what_has_won_unless_the_week_is_over(
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    mo: Member,
    hall: Member,
    wait: Callable[[float], None],
) -> None:
    async with running_bot(sandbox, settings, database):
        await mo.slash("mod theme", channel=hall.channel_id)
        first = await poll_in(hall, database)
        await hall.vote(first, next(iter(first.answer_ids)))
        await settled(database)
    for away, polls in ((DAY + 1, 1), (WEEK, 2), (WEEK, 3)):
        await sandbox.gateway.wait_connected(connected=False)
        wait(away)
        async with running_bot(sandbox, settings, database):
            await settled(database)
        shown = [each for each in await hall.messages() if "poll" in each.raw]
        assert len(shown) == polls
        with suppress(InteractionError):  # the first one has ended
            await hall.vote(shown[-1], next(iter(shown[-1].answer_ids)))
    assert len(await announcements(hall)) == 1


async def test_a_deleted_poll_has_no_result_and_the_next_week_has_a_vote(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    mo: Member,
    hall: Member,
    wait: Callable[[float], None],
) -> None:
    await mo.slash("mod theme", channel=hall.channel_id)
    poll = await poll_in(hall, database)
    channel = sandbox.world.channel(poll.channel_id)
    sandbox.world.delete(channel, channel.messages[poll.id])
    wait(DAY + 1)
    await settled(database)
    assert await hall.messages() == []
    wait(WEEK - DAY)
    await poll_in(hall, database)


async def test_without_the_permission_there_is_no_vote_and_moderators_read_why(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    mo: Member,
    hall: Member,
    wait: Callable[[float], None],
) -> None:
    channel, app = sandbox.world.channel(hall.channel_id), sandbox.world.application.bot
    sandbox.world.overwrite(channel, app.id, deny=int(Permission.SEND_POLLS))
    await mo.slash("mod theme", channel=hall.channel_id)
    await private_message(mo, "I can't hold votes in")
    sandbox.world.overwrite(channel, app.id)
    await mo.slash("mod theme", channel=hall.channel_id)
    await poll_in(hall, database)
    sandbox.world.overwrite(channel, app.id, deny=int(Permission.SEND_POLLS))
    wait(WEEK + 1)
    await settled(database)
    _, (entry, *_) = await AuditLog(database).page(sandbox.guild.id)
    assert entry.action == AuditAction.NO_THEME_VOTE
    assert details_text(entry) == f"a poll can't be posted in <#{hall.channel_id}>"
    assert len([each for each in await hall.messages() if "poll" in each.raw]) == 1


async def test_refused_words_and_long_themes_are_not_on_offer(
    bot: ImagineBot, database: Database, sandbox: Sandbox, mo: Member, hall: Member
) -> None:
    await mo.slash("mod theme", channel=hall.channel_id, themes="a castle | " + "x" * 41)
    await private_message(mo, "is too long")
    for word in ("mole", "a*"):
        await bot.guild_rules.add_word(sandbox.guild.id, WordRule(word), mo.id)
    await mo.slash("mod theme", channel=hall.channel_id, themes="one mole")
    await private_message(mo, "matches the rule")
    await mo.slash("mod theme", channel=hall.channel_id, themes="one dragon | two owls | 3 cats")
    poll = await poll_in(hall, database)
    assert {"one dragon", "two owls", "3 cats"} <= poll.answer_ids.keys()
    assert not [theme for theme in poll.answer_ids if theme.startswith("a ")]


async def test_killed_at_any_step_each_poll_and_each_theme_is_posted_once(
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    mo: Member,
    hall: Member,
    wait: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weekly_theme, "LOOK_SECONDS", 1000.0)  # one look each time
    async with running_bot(sandbox, settings, database) as bot:
        await mo.slash("mod theme", channel=hall.channel_id)
        await private_message(mo, "open for 24 hours")
        with killing(monkeypatch) as killer:
            for week in range(1, 8):
                await look(bot, killer, at=week)
                wait(OUTAGE)
                await look(bot, killer)
                polls = [each for each in await hall.messages() if "poll" in each.raw]
                assert len(polls) == week
                await hall.vote(polls[-1], next(iter(polls[-1].answer_ids)))
                wait(DAY + 1)
                await look(bot, killer, at=week)
                wait(OUTAGE)
                await look(bot, killer)
                assert len(await announcements(hall)) == week
                wait(WEEK - DAY)


async def look(bot: ImagineBot, killer: Killer, at: int | None = None) -> None:
    """Has the bot look once for votes; it is killed at this step."""
    killer.steps, killer.at, killer.armed = 0, at or 0, at is not None
    looking = asyncio.create_task(weekly_theme.hold_theme_votes(bot))
    votes = WeeklyThemes(bot.database)
    async with asyncio.timeout(PATIENCE):
        while not looking.done() and (await votes.due() or await votes.closed()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    killer.armed = False
    looking.cancel()
    await asyncio.wait([looking])
