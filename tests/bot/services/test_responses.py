"""Acknowledged interactions are completed after a restart, whenever the bot was killed."""

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
from tests.bot.conftest import (
    RESPONSE_TIMEOUT,
    TIMEOUT,
    press_button,
    request_image,
    running_bot,
    wait_for_pending_responses,
)
from tests.bot.services.killing import Killer, killing
from tests.databases import new_database

MOST_STEPS = 60


@pytest.fixture(autouse=True)
def fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
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
    (job_message,) = [message for message in await ada.messages() if not message.ephemeral]
    await press_button(sandbox, ada, job_message, "again:1")


async def edit(sandbox: Sandbox, database: Database, ada: Member) -> None:
    (job_message,) = [message for message in await ada.messages() if not message.ephemeral]
    opened = await press_button(sandbox, ada, job_message, "edit:1")
    await ada.submit(opened, include="a blue square")


async def wait_until_idle(bot: ImagineBot) -> None:
    """Waits until no handler is running; those that were killed have ended."""
    while bot._running_handlers:
        await asyncio.wait(bot._running_handlers)


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
        async with asyncio.timeout(TIMEOUT):
            sending = asyncio.create_task(request(sandbox, database, ada))
            while not sending.done() and not killer.has_killed:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await wait_until_idle(bot)
            while killer.has_killed and not sending.done():
                sandbox.clock.advance(RESPONSE_TIMEOUT + 1)  # Discord no longer waits
                await asyncio.wait({sending}, timeout=0.1)  # after a form it waits again
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
async def test_a_bot_killed_at_any_step_ends_with_one_job_and_one_response(
    sandbox: Sandbox,
    settings: Settings,
    ada: Member,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    request_: Request,
    before: int,
) -> None:
    acknowledged = unacknowledged = 0
    for step in range(1, MOST_STEPS):
        for message in list(sandbox.channel.messages.values()):
            sandbox.world.delete(sandbox.channel, message)
        direct = await ada.direct()
        known = {message.id for message in await direct.messages()}
        step_settings = settings.model_copy(update={"database_path": tmp_path / f"{step}.db"})
        async with new_database(step_settings.database_path) as database:
            with killing(monkeypatch) as killer:
                async with running_bot(sandbox, step_settings, database) as bot:
                    if before:
                        await request_image(ada)
                        await wait_for_pending_responses(database)
                    killer.at = step
                    await kill_during(request_, killer, bot, sandbox, database, ada)
                    killed = killer.has_killed
        await sandbox.gateway.wait_connected(connected=False)
        async with (
            Database.open(step_settings.database_path) as database,
            running_bot(sandbox, step_settings, database),
        ):
            await wait_for_pending_responses(database)
            jobs = await JobQueue(database).waiting()
            new = [message for message in await ada.messages()][before:]
            assert not [message for message in new if message.loading], step
            if not new:  # killed before the acknowledgement: the member saw that it failed
                unacknowledged += 1
                assert len(jobs) == before, step
                continue
            acknowledged += 1
            assert len(jobs) == before + 1, step
            assert len(new) == 1, step
            assert new[0].ephemeral == (request_ is imagine_privately)
            if request_ is imagine_privately:
                (shown,) = [m for m in await direct.messages() if m.id not in known]
                assert f"/{shown.id}" in new[0].text
                assert jobs[-1].message_id == shown.id
            else:
                assert "Position" in new[0].text
                assert jobs[-1].message_id == new[0].id
        if not killed:
            break
    assert not killed
    # The form is open, the row is written, the acknowledgement is not sent.
    assert unacknowledged <= 5
    assert acknowledged > 4


async def confirm(sandbox: Sandbox, database: Database, ada: Member) -> None:
    (question,) = [message for message in await ada.messages() if message.buttons]
    await ada.press(question, question.buttons[0].custom_id)


@pytest.mark.slow
async def test_a_bot_killed_at_any_step_queues_requests_together_and_shows_them_once(
    sandbox: Sandbox,
    settings: Settings,
    ada: Member,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    queued = 0
    for step in range(1, MOST_STEPS, 3):
        for message in list(sandbox.channel.messages.values()):
            sandbox.world.delete(sandbox.channel, message)
        step_settings = settings.model_copy(update={"database_path": tmp_path / f"{step}.db"})
        async with new_database(step_settings.database_path) as database:
            with killing(monkeypatch) as killer:
                async with running_bot(sandbox, step_settings, database) as bot:
                    reply = await ada.slash("imagine", include="a {red, blue} circle")
                    await ada.wait_filled(reply)
                    await wait_for_pending_responses(database)
                    killer.at = step
                    await kill_during(confirm, killer, bot, sandbox, database, ada)
                    killed = killer.has_killed
        await sandbox.gateway.wait_connected(connected=False)
        async with (
            Database.open(step_settings.database_path) as database,
            running_bot(sandbox, step_settings, database),
        ):
            await wait_for_pending_responses(database)
            jobs = await JobQueue(database).waiting()
            question, *public = await ada.messages()
            if not jobs:  # killed before the acknowledgement: the member can press again
                assert question.buttons, step
                assert not public, step
                continue
            queued += 1
            assert not question.buttons, step
            assert [job.message_id for job in jobs] == [message.id for message in public[:2]], step
            assert [len(jobs), len(public)] == [2, 3], step
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
async def test_a_bot_killed_at_any_step_makes_a_change_once(
    sandbox: Sandbox,
    settings: Settings,
    mo: Member,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    request_: Request,
) -> None:
    """What the member or others do before the bot is back is not undone."""
    is_pause, changed = request_ is pause, 0
    for step in range(1, MOST_STEPS):
        for message in list(sandbox.channel.messages.values()):
            sandbox.world.delete(sandbox.channel, message)
        step_settings = settings.model_copy(update={"database_path": tmp_path / f"{step}.db"})
        async with new_database(step_settings.database_path) as database:
            with killing(monkeypatch) as killer:
                async with running_bot(sandbox, step_settings, database) as bot:
                    if not is_pause:
                        await mo.wait_filled(await mo.slash("privacy"))
                        await wait_for_pending_responses(database)
                    killer.at = step
                    await kill_during(request_, killer, bot, sandbox, database, mo)
                    killed = killer.has_killed
        await sandbox.gateway.wait_connected(connected=False)
        async with Database.open(step_settings.database_path) as database:
            rows = await PendingResponses(database).all()
            done = bool(rows) and rows[0].done
            changed += done
            await ModerationQueue(database).resume(sandbox.guild.id, mo.id)
            later = await Jobs(database).insert(request_by(mo, sandbox))
            async with running_bot(sandbox, step_settings, database):
                await wait_for_pending_responses(database)
                messages = await mo.messages()
                assert not [message for message in messages if message.loading], step
                _, entries = await AuditLog(database).page(sandbox.guild.id)
                actions = [entry.action for entry in entries]
                if is_pause:
                    assert actions.count(AuditAction.PAUSE) == len(messages), step
                if done:
                    assert await Jobs(database).get(later.id), step
                    assert (await GuildSettings(database).get(sandbox.guild.id)).pause is None
                    assert not [message for message in messages if message.buttons], step
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
