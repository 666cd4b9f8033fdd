"""Reactions on job messages: favourites, cancelling, deleting, copies."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.client import ImagineBot
from core.database.audit_log import AuditLog
from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.members import Members
from core.database.personal_data import PersonalData
from core.job import State
from core.moderation import AuditAction
from core.settings import Settings
from core.storage.paths import folder_of
from sandbox import Member, MessageView, Sandbox
from sandbox.discord.models import Draft, Upload
from sandbox.discord.permissions import Permission
from sandbox.discord.reactions import react
from tests.bot.conftest import TIMEOUT, ephemeral_message, request_image, wait_for_deletions

STAR, CROSS, LETTER = "⭐", "❌", "✉️"


async def wait_until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


async def wait_until_idle(bot: ImagineBot) -> None:
    """Waits until the bot has received all reactions so far, and has handled them."""
    await asyncio.sleep(0.3)
    while bot._running_handlers:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.02)


async def test_a_star_makes_a_favourite_until_it_is_removed(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada)
    members = Members(database)
    await bob.react(message, STAR)
    await wait_until(lambda: members.favourites_among(bob.id, [job.id]))
    assert not await members.favourites_among(ada.id, [job.id])
    await bob.unreact(message, STAR)
    await wait_until(lambda: has_no_favourite(members, bob))


async def test_a_running_job_can_be_a_favourite_and_the_limit_is_explained(
    bot: ImagineBot, database: Database, settings: Settings, ada: Member
) -> None:
    bot.settings = settings.model_copy(update={"max_favourites": 1})
    first, second = await request_image(ada), await request_image(ada)
    await Claims(database).claim("engine", 60)
    await ada.react(first, STAR)
    await wait_until(lambda: Members(database).favourites_among(ada.id, [1]))
    await ada.react(second, STAR)
    direct = await ada.direct()
    await direct.wait_for(lambda message: "limit of favourites (1)" in message.text)
    assert await Members(database).favourites_among(ada.id, [1, 2]) == {1}
    await Jobs(database).cancel(1)  # it no longer counts towards the limit
    await ada.unreact(second, STAR)
    await ada.react(second, STAR)
    await wait_until(lambda: Members(database).favourites_among(ada.id, [2]))


async def test_a_cross_cancels_a_job_if_the_member_may(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, bob: Member
) -> None:
    mo = await sandbox.member("Mo", permissions=Permission.MANAGE_MESSAGES)
    first, second = await request_image(ada), await request_image(ada)
    await Claims(database).claim("engine", 60)
    await bob.react(first, CROSS)
    await wait_until_idle(bot)
    assert await state(database, 1) is State.RUNNING
    await ada.react(first, CROSS)
    await wait_until(lambda: is_state(database, 1, State.CANCELLED))
    assert not (await AuditLog(database).page(sandbox.guild.id))[1]
    await mo.react(second, CROSS)
    await wait_until(lambda: is_state(database, 2, State.CANCELLED))
    job = await Jobs(database).get(2)
    assert job
    assert job.reason
    assert job.reason.params == {"name": "Mo"}
    (entry,) = (await AuditLog(database).page(sandbox.guild.id))[1]
    assert (entry.action, entry.actor_id, entry.job_id) == (AuditAction.CANCEL, mo.id, 2)


async def test_a_cross_deletes_an_image_if_the_member_may(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    job, message = await rendered_job(ada)
    await bob.react(message, LETTER)
    copied = await direct_copy(bob)
    await bob.react(message, CROSS)
    await wait_until_idle(bot)
    assert folder_of(job.id, settings.data_dir).exists()
    mo = await sandbox.member("Mo", permissions=Permission.MANAGE_MESSAGES)
    await mo.react(message, CROSS)
    await wait_until(lambda: is_gone(ada, message))
    await wait_for_deletions(database)
    assert not folder_of(job.id, settings.data_dir).exists()
    assert await (await bob.direct()).message(copied.id) is None
    (entry,) = (await AuditLog(database).page(sandbox.guild.id))[1]
    assert (entry.action, entry.actor_id, entry.target_id) == (AuditAction.DELETE, mo.id, ada.id)


async def test_a_letter_sends_one_copy_which_its_recipient_can_delete(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada, count=2)
    await bob.react(message, LETTER)
    copied = await direct_copy(bob)
    assert [file.filename for file in copied.files] == ["imagine-1-1.png", "imagine-1-2.png"]
    assert not copied.buttons
    assert "a red circle" in copied.text
    await bob.unreact(message, LETTER)
    await bob.react(message, LETTER)
    await wait_until_idle(bot)
    assert len(await (await bob.direct()).messages()) == 1

    personal = PersonalData(database)
    of_bob = {name: rows async for name, rows in personal.records(bob.id)}
    assert [row["message_id"] for row in of_bob["copies"]] == [copied.id]
    of_ada = {name: rows async for name, rows in personal.records(ada.id)}
    assert [row["kind"] for row in of_ada["jobs"][0]["messages"]] == ["job"]
    await bot.deletions.delete_member(bob.id)
    await wait_for_deletions(database)
    assert not await (await bob.direct()).messages()
    assert await Jobs(database).get(job.id)


async def test_no_copy_leaves_an_age_restricted_channel(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, bob: Member, rendered_job: Any
) -> None:
    adults = await sandbox.client.channel("adults", nsfw=True)
    _, job_message = await rendered_job(ada.at(adults))
    await bob.at(adults).react(job_message, LETTER)
    direct = await bob.direct()
    reason = await direct.wait_for(lambda message: "age-restricted" in message.text)
    assert not reason.files


async def test_blocked_members_and_bots_have_no_effect(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    job, job_message = await rendered_job(ada)
    for member in (ada, bob):
        await bot.blocks.block(sandbox.guild.id, member.id, actor_id=9, reason=None, until=None)
    other = sandbox.world.add_user("Another", bot=True)
    sandbox.world.join(sandbox.guild, other)
    channel, message = sandbox.channel, sandbox.channel.messages[job_message.id]
    react(sandbox.world, channel, message, other, STAR)
    await ada.react(job_message, CROSS)
    for emoji in (STAR, LETTER):
        await bob.react(job_message, emoji)
    await wait_until_idle(bot)
    assert not await Members(database).favourites_among(other.id, [job.id])
    assert not await Members(database).favourites_among(bob.id, [job.id])
    assert await ada.message(job_message.id)
    assert not await (await bob.direct()).messages()


async def test_reactions_to_other_messages_have_no_effect(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    by_ada = await ada.say("look")
    await ada.react(by_ada, CROSS)
    by_bot = sandbox.world.post(
        sandbox.channel,
        sandbox.world.application.bot,
        Draft(content="by the bot", uploads=(Upload(0, "a.txt", b"a"),)),
    )
    await ada.react(MessageView(sandbox.world.payloads.message(by_bot)), CROSS)
    await wait_until_idle(bot)
    assert {by_ada.id, by_bot.id} <= {message.id for message in await ada.messages()}


async def test_a_private_job_is_cancelled_in_direct_messages(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.slash("imagine", include="a red circle", private=True)
    await ephemeral_message(ada, "on its way")  # by now the bot has recorded the message
    direct = await ada.direct()
    (message,) = await direct.messages()
    await direct.react(message, CROSS)
    await wait_until(lambda: is_state(database, 1, State.CANCELLED))


@pytest.mark.parametrize("emoji", ["✉", "✉️"])
async def test_a_letter_works_with_or_without_a_variation_selector(
    bot: ImagineBot, ada: Member, rendered_job: Any, emoji: str
) -> None:
    _, message = await rendered_job(ada)
    await ada.react(message, emoji)
    await direct_copy(ada)


async def direct_copy(member: Member) -> MessageView:
    direct = await member.direct()
    return await direct.wait_for(lambda message: bool(message.files))


async def state(database: Database, job_id: int) -> State | None:
    job = await Jobs(database).get(job_id)
    return job and job.state


async def is_state(database: Database, job_id: int, wanted: State) -> bool:
    return await state(database, job_id) is wanted


async def has_no_favourite(members: Members, member: Member) -> bool:
    return not await members.favourites_among(member.id, [1])


async def is_gone(member: Member, message: MessageView) -> bool:
    return await member.message(message.id) is None
