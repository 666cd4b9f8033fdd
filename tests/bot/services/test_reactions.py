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
from tests.bot.conftest import PATIENCE, asked, private_message, worked_off

STAR, CROSS, LETTER = "⭐", "❌", "✉️"


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


async def settled(bot: ImagineBot) -> None:
    """Waits until the bot has heard of all reactions so far and is done with them."""
    await asyncio.sleep(0.3)
    while bot._at_work:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.02)


async def test_a_star_is_a_favourite_while_it_is_there(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, painted: Any
) -> None:
    job, card = await painted(ada)
    members = Members(database)
    await bob.react(card, STAR)
    await until(lambda: members.favourites_among(bob.id, [job.id]))
    assert not await members.favourites_among(ada.id, [job.id])
    await bob.unreact(card, STAR)
    await until(lambda: has_none(members, bob))


async def test_a_running_job_is_a_favourite_and_the_limit_is_told(
    bot: ImagineBot, database: Database, settings: Settings, ada: Member
) -> None:
    bot.settings = settings.model_copy(update={"max_favourites": 1})
    first, second = await asked(ada), await asked(ada)
    await Claims(database).claim("engine", 60)
    await ada.react(first, STAR)
    await until(lambda: Members(database).favourites_among(ada.id, [1]))
    await ada.react(second, STAR)
    direct = await ada.direct()
    await direct.wait_for(lambda message: "limit of favourites (1)" in message.text)
    assert await Members(database).favourites_among(ada.id, [1, 2]) == {1}
    await Jobs(database).cancel(1)  # it takes no place any more
    await ada.unreact(second, STAR)
    await ada.react(second, STAR)
    await until(lambda: Members(database).favourites_among(ada.id, [2]))


async def test_a_cross_cancels_a_job_for_who_may(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, bob: Member
) -> None:
    mo = await sandbox.member("Mo", permissions=Permission.MANAGE_MESSAGES)
    first, second = await asked(ada), await asked(ada)
    await Claims(database).claim("engine", 60)
    await bob.react(first, CROSS)
    await settled(bot)
    assert await state(database, 1) is State.RUNNING
    await ada.react(first, CROSS)
    await until(lambda: is_state(database, 1, State.CANCELLED))
    assert not (await AuditLog(database).page(sandbox.guild.id))[1]
    await mo.react(second, CROSS)
    await until(lambda: is_state(database, 2, State.CANCELLED))
    job = await Jobs(database).get(2)
    assert job
    assert job.reason
    assert job.reason.params == {"name": "Mo"}
    (entry,) = (await AuditLog(database).page(sandbox.guild.id))[1]
    assert (entry.action, entry.actor_id, entry.job_id) == (AuditAction.CANCEL, mo.id, 2)


async def test_a_cross_deletes_an_image_for_who_may(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    bob: Member,
    painted: Any,
) -> None:
    job, card = await painted(ada)
    await bob.react(card, LETTER)
    copied = await copy_in(bob)
    await bob.react(card, CROSS)
    await settled(bot)
    assert folder_of(job.id, settings.data_dir).exists()
    mo = await sandbox.member("Mo", permissions=Permission.MANAGE_MESSAGES)
    await mo.react(card, CROSS)
    await until(lambda: is_gone(ada, card))
    await worked_off(database)
    assert not folder_of(job.id, settings.data_dir).exists()
    assert await (await bob.direct()).message(copied.id) is None
    (entry,) = (await AuditLog(database).page(sandbox.guild.id))[1]
    assert (entry.action, entry.actor_id, entry.target_id) == (AuditAction.DELETE, mo.id, ada.id)


async def test_a_letter_sends_one_copy_which_its_recipient_can_delete(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, painted: Any
) -> None:
    job, card = await painted(ada, count=2)
    await bob.react(card, LETTER)
    copied = await copy_in(bob)
    assert [file.filename for file in copied.files] == ["imagine-1-1.png", "imagine-1-2.png"]
    assert not copied.buttons
    assert "a red circle" in copied.text
    await bob.unreact(card, LETTER)
    await bob.react(card, LETTER)
    await settled(bot)
    assert len(await (await bob.direct()).messages()) == 1

    personal = PersonalData(database)
    of_bob = {name: rows async for name, rows in personal.records(bob.id)}
    assert [row["message_id"] for row in of_bob["copies"]] == [copied.id]
    of_ada = {name: rows async for name, rows in personal.records(ada.id)}
    assert [row["kind"] for row in of_ada["jobs"][0]["messages"]] == ["job"]
    await bot.deletions.delete_member(bob.id)
    await worked_off(database)
    assert not await (await bob.direct()).messages()
    assert await Jobs(database).get(job.id)


async def test_no_copy_leaves_an_age_restricted_channel(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, bob: Member, painted: Any
) -> None:
    adults = await sandbox.client.channel("adults", nsfw=True)
    _, card = await painted(ada.at(adults))
    await bob.at(adults).react(card, LETTER)
    direct = await bob.direct()
    reason = await direct.wait_for(lambda message: "age-restricted" in message.text)
    assert not reason.files


async def test_blocked_members_and_bots_have_no_effect(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, bob: Member, painted: Any
) -> None:
    job, card = await painted(ada)
    for member in (ada, bob):
        await bot.blocks.block(sandbox.guild.id, member.id, actor_id=9, reason=None, until=None)
    other = sandbox.world.add_user("Another", bot=True)
    sandbox.world.join(sandbox.guild, other)
    channel, message = sandbox.channel, sandbox.channel.messages[card.id]
    react(sandbox.world, channel, message, other, STAR)
    await ada.react(card, CROSS)
    for emoji in (STAR, LETTER):
        await bob.react(card, emoji)
    await settled(bot)
    assert not await Members(database).favourites_among(other.id, [job.id])
    assert not await Members(database).favourites_among(bob.id, [job.id])
    assert await ada.message(card.id)
    assert not await (await bob.direct()).messages()


async def test_only_job_messages_listen(bot: ImagineBot, sandbox: Sandbox, ada: Member) -> None:
    said = await ada.say("look")
    await ada.react(said, CROSS)
    post = sandbox.world.post(
        sandbox.channel,
        sandbox.world.application.bot,
        Draft(content="by the bot", uploads=(Upload(0, "a.txt", b"a"),)),
    )
    await ada.react(MessageView(sandbox.world.payloads.message(post)), CROSS)
    await settled(bot)
    assert {said.id, post.id} <= {message.id for message in await ada.messages()}


async def test_a_private_job_is_cancelled_in_direct_messages(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.slash("imagine", include="a red circle", private=True)
    await private_message(ada, "on its way")  # from now on the bot knows the message
    direct = await ada.direct()
    (card,) = await direct.messages()
    await direct.react(card, CROSS)
    await until(lambda: is_state(database, 1, State.CANCELLED))


@pytest.mark.parametrize("emoji", ["✉", "✉️"])
async def test_a_letter_with_or_without_selector(
    bot: ImagineBot, ada: Member, painted: Any, emoji: str
) -> None:
    _, card = await painted(ada)
    await ada.react(card, emoji)
    await copy_in(ada)


async def copy_in(member: Member) -> MessageView:
    direct = await member.direct()
    return await direct.wait_for(lambda message: bool(message.files))


async def state(database: Database, job_id: int) -> State | None:
    job = await Jobs(database).get(job_id)
    return job and job.state


async def is_state(database: Database, job_id: int, wanted: State) -> bool:
    return await state(database, job_id) is wanted


async def has_none(members: Members, member: Member) -> bool:
    return not await members.favourites_among(member.id, [1])


async def is_gone(member: Member, message: MessageView) -> bool:
    return await member.message(message.id) is None
