"""What the bot has acknowledged goes on after a restart, whenever it was killed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.client import ImagineBot
from bot.services import audit_log_feed, responses
from core.database.audit_log import AuditLog
from core.database.connection import Database
from core.database.guild_settings import GuildSettings
from core.database.jobs import Jobs
from core.database.moderation_queue import ModerationQueue
from core.database.pending_responses import PendingResponses
from core.database.queue import JobQueue
from core.job import NewJob
from core.moderation import AuditAction
from core.recipe import Recipe
from core.settings import Settings
from sandbox import Member, NoResponseError, Sandbox
from sandbox.discord import limits
from tests.bot.conftest import LATE, PATIENCE, all_given, asked, press, running_bot
from tests.bot.services.killing import Killer, killing
from tests.databases import new_database

MOST_STEPS = 60


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "RESUME_SECONDS", 0.05)
    monkeypatch.setattr(audit_log_feed, "POLL_SECONDS", 1000.0)
    monkeypatch.setitem(limits._RULES, ("POST", "/users/@me/channels"), (1000, 60.0))


Request = Callable[[Sandbox, Database, Member], Awaitable[None]]
"""Sends an interaction, and waits until it is acknowledged."""


async def imagine(sandbox: Sandbox, database: Database, ada: Member) -> None:
    await ada.slash("imagine", include="a red circle", seed=7)


async def imagine_privately(sandbox: Sandbox, database: Database, ada: Member) -> None:
    await ada.slash("imagine", include="a red circle", private=True)


async def again(sandbox: Sandbox, database: Database, ada: Member) -> None:
    (card,) = [message for message in await ada.messages() if not message.ephemeral]
    await press(sandbox, ada, card, "again:1")


async def edit(sandbox: Sandbox, database: Database, ada: Member) -> None:
    (card,) = [message for message in await ada.messages() if not message.ephemeral]
    opened = await press(sandbox, ada, card, "edit:1")
    await ada.submit(opened, include="a blue square")


async def until_quiet(bot: ImagineBot) -> None:
    """Until no handler is at work; those that were killed are."""
    while bot._at_work:
        await asyncio.wait(bot._at_work)


async def kill_during(
    request: Request,
    killer: Killer,
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
) -> None:
    killer.armed = True
    try:
        async with asyncio.timeout(PATIENCE):
            sending = asyncio.create_task(request(sandbox, database, ada))
            while not sending.done() and not killer.has_killed:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await until_quiet(bot)
            while killer.has_killed and not sending.done():
                sandbox.clock.advance(LATE + 1)  # Discord waits no longer
                await asyncio.wait({sending}, timeout=0.1)  # for a form, it waits a second time
            await sending
    except NoResponseError:
        pass
    await asyncio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("request_", "before"),
    [(imagine, 0), (imagine_privately, 0), (again, 1), (edit, 1)],
    ids=["command", "private", "button", "form"],
)
async def test_killed_at_any_step_it_ends_with_one_job_and_one_response(
    sandbox: Sandbox,
    settings: Settings,
    ada: Member,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    request_: Request,
    before: int,
) -> None:
    acknowledged = unacknowledged = 0
    for at in range(1, MOST_STEPS):
        for message in list(sandbox.channel.messages.values()):
            sandbox.world.delete(sandbox.channel, message)
        direct = await ada.direct()
        texts = {message.id for message in await direct.messages()}
        here = settings.model_copy(update={"database_path": tmp_path / f"{at}.db"})
        async with new_database(here.database_path) as database:
            with killing(monkeypatch) as killer:
                async with running_bot(sandbox, here, database) as bot:
                    if before:
                        await asked(ada)
                        await all_given(database)
                    killer.at = at
                    await kill_during(request_, killer, bot, sandbox, database, ada)
                    killed = killer.has_killed
        await sandbox.gateway.wait_connected(connected=False)
        async with (
            Database.open(here.database_path) as database,
            running_bot(sandbox, here, database),
        ):
            await all_given(database)
            jobs = await JobQueue(database).waiting()
            new = [message for message in await ada.messages()][before:]
            assert not [message for message in new if message.loading], at
            if not new:  # it was killed before Discord was told: the member saw that it failed
                unacknowledged += 1
                assert len(jobs) == before, at
                continue
            acknowledged += 1
            assert len(jobs) == before + 1, at
            assert len(new) == 1, at
            assert new[0].ephemeral == (request_ is imagine_privately)
            if request_ is imagine_privately:
                (shown,) = [m for m in await direct.messages() if m.id not in texts]
                assert f"/{shown.id}" in new[0].text
                assert jobs[-1].message_id == shown.id
            else:
                assert "Position" in new[0].text
                assert jobs[-1].message_id == new[0].id
        if not killed:
            break
    assert not killed
    assert unacknowledged <= 5  # the form is opened; the row is written; Discord is not yet told
    assert acknowledged > 4


async def confirm(sandbox: Sandbox, database: Database, ada: Member) -> None:
    (asked,) = [message for message in await ada.messages() if message.buttons]
    await ada.press(asked, asked.buttons[0].custom_id)


@pytest.mark.slow
async def test_killed_at_any_step_requests_are_queued_together_and_shown_once(
    sandbox: Sandbox,
    settings: Settings,
    ada: Member,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    queued = 0
    for at in range(1, MOST_STEPS, 3):
        for message in list(sandbox.channel.messages.values()):
            sandbox.world.delete(sandbox.channel, message)
        here = settings.model_copy(update={"database_path": tmp_path / f"{at}.db"})
        async with new_database(here.database_path) as database:
            with killing(monkeypatch) as killer:
                async with running_bot(sandbox, here, database) as bot:
                    asked = await ada.slash("imagine", include="a {red, blue} circle")
                    await ada.wait_filled(asked)
                    await all_given(database)
                    killer.at = at
                    await kill_during(confirm, killer, bot, sandbox, database, ada)
                    killed = killer.has_killed
        await sandbox.gateway.wait_connected(connected=False)
        async with (
            Database.open(here.database_path) as database,
            running_bot(sandbox, here, database),
        ):
            await all_given(database)
            jobs = await JobQueue(database).waiting()
            question, *public = await ada.messages()
            if not jobs:  # it was killed before Discord was told: the member can press again
                assert question.buttons, at
                assert not public, at
                continue
            queued += 1
            assert not question.buttons, at
            assert [job.message_id for job in jobs] == [message.id for message in public[:2]], at
            assert [len(jobs), len(public)] == [2, 3], at
        if not killed:
            break
    assert not killed
    assert queued > 4


async def pause(sandbox: Sandbox, database: Database, member: Member) -> None:
    await member.slash("mod pause", why="maintenance")


async def delete_everything(sandbox: Sandbox, database: Database, member: Member) -> None:
    (shown,) = [message for message in await member.messages() if message.buttons]
    await member.press(shown, shown.buttons[0].custom_id)


@pytest.mark.slow
@pytest.mark.parametrize("request_", [pause, delete_everything], ids=["command", "button"])
async def test_killed_at_any_step_a_change_is_made_once(
    sandbox: Sandbox,
    settings: Settings,
    mo: Member,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    request_: Request,
) -> None:
    """What others do, or the member does, before the bot is back stays as it is."""
    is_pause, changed = request_ is pause, 0
    for at in range(1, MOST_STEPS):
        for message in list(sandbox.channel.messages.values()):
            sandbox.world.delete(sandbox.channel, message)
        here = settings.model_copy(update={"database_path": tmp_path / f"{at}.db"})
        async with new_database(here.database_path) as database:
            with killing(monkeypatch) as killer:
                async with running_bot(sandbox, here, database) as bot:
                    if not is_pause:
                        await mo.wait_filled(await mo.slash("privacy"))
                        await all_given(database)
                    killer.at = at
                    await kill_during(request_, killer, bot, sandbox, database, mo)
                    killed = killer.has_killed
        await sandbox.gateway.wait_connected(connected=False)
        async with Database.open(here.database_path) as database:
            rows = await PendingResponses(database).all()
            done = bool(rows) and rows[0].done
            changed += done
            await ModerationQueue(database).resume(sandbox.guild.id, mo.id)
            later = await Jobs(database).insert(request_by(mo, sandbox))
            async with running_bot(sandbox, here, database):
                await all_given(database)
                messages = await mo.messages()
                assert not [message for message in messages if message.loading], at
                _, entries = await AuditLog(database).page(sandbox.guild.id)
                actions = [entry.action for entry in entries]
                if is_pause:
                    assert actions.count(AuditAction.PAUSE) == len(messages), at
                if done:
                    assert await Jobs(database).get(later.id), at
                    assert (await GuildSettings(database).get(sandbox.guild.id)).pause is None
                    assert not [message for message in messages if message.buttons], at
        if not killed:
            break
    assert not killed
    assert changed > 2


def request_by(member: Member, sandbox: Sandbox) -> NewJob:
    return NewJob(
        recipe=Recipe.make("a red circle", width=64, height=64, steps=9),
        guild_id=sandbox.guild.id,
        channel_id=sandbox.channel.id,
        member_id=member.id,
        member_name="Mo",
    )
