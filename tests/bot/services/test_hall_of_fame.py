"""The hall of fame: popular images are posted once, only to members who could see them before."""

import asyncio
from typing import Any

import pytest

from bot.client import ImagineBot
from bot.services import hall_of_fame
from core.database.connection import Database
from core.database.halls_of_fame import HallOfFame, HallsOfFame
from core.database.messages import Kind, Messages
from core.moderation import ChannelRule, WordRule
from core.settings import Settings
from sandbox import Member, MessageView, Sandbox
from sandbox.discord.permissions import Permission
from tests.bot.conftest import (
    TIMEOUT,
    ephemeral_message,
    press_button,
    running_bot,
    wait_for_deletions,
)


@pytest.fixture(autouse=True)
def fast_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hall_of_fame, "POLL_SECONDS", 0.02)


async def add_favourite(sandbox: Sandbox, message: MessageView, *members: Member) -> None:
    for member in members:
        await press_button(sandbox, member, message, f"favourite:{job_number(message)}")
        await ephemeral_message(member, f"Added #{job_number(message)} to your favourites")


def job_number(message: MessageView) -> str:
    return message.text.partition("#")[2].partition(" ")[0]


async def wait_until_none_due(database: Database) -> None:
    """Waits until every image that was due is posted or left out."""
    async with asyncio.timeout(TIMEOUT):
        while await HallsOfFame(database).due():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)


async def test_an_image_that_enough_members_like_is_posted_once_with_its_prompt_author_and_link(
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    mo: Member,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    hall = mo.at(await sandbox.client.channel("hall"))
    async with running_bot(sandbox, settings, database):
        await mo.slash("mod hall-of-fame", channel=hall.channel_id, favourites=2)
        await ephemeral_message(mo, "images that 2 members have as a favourite are posted in")
        job, job_message = await rendered_job(ada, include="a *red* circle", count=2)
        await add_favourite(sandbox, job_message, ada)
        assert not await hall.messages()
        await add_favourite(sandbox, job_message, bob)
        shown = await hall.wait_for(lambda message: "2 favourites" in message.text)
        assert r"**Include** a \*red\* circle" in shown.text
        assert f"<@{ada.id}>" in shown.text
        assert f"/{ada.channel_id}/{job_message.id}" in shown.text
        assert len(shown.files) == 2
        await wait_until_none_due(database)
        await add_favourite(sandbox, job_message, mo)
    unsettle = "UPDATE hall_of_fame SET settled_at = NULL"
    async with database.transaction() as db:  # as if it had crashed right after sending it
        await db.execute(unsettle)
        await db.execute("UPDATE messages SET message_id = NULL WHERE kind = 'hall of fame'")
    sandbox.clock.advance(3600)  # longer than Discord recognises a nonce
    await sandbox.gateway.wait_connected(connected=False)
    async with running_bot(sandbox, settings, database) as bot:
        await bot.wait_until_ready()
        await wait_until_none_due(database)
        async with database.transaction() as db:  # or right after recording it
            await db.execute(unsettle)
        await wait_until_none_due(database)
        assert [message.id for message in await hall.messages()] == [shown.id]
        await press_button(sandbox, ada, job_message, f"delete:{job.id}")
        question = await ephemeral_message(ada, "Permanently delete")
        await ada.press(question, question.buttons[0].custom_id)
        await ephemeral_message(ada, "was deleted")
        await wait_for_deletions(database)
        assert not await hall.messages()


async def test_an_image_that_not_everyone_may_see_is_left_out(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    mo: Member,
    ada: Member,
    rendered_job: Any,
) -> None:
    client, guild_id = sandbox.client, sandbox.guild.id
    hall = await client.channel("hall")
    adult, staff = await client.channel("adult", nsfw=True), await client.channel("staff")
    keepers = await client.role("Keepers")
    await ada.add_role(keepers)
    await client.set_overwrite(staff, await client.everyone(), deny=int(Permission.VIEW_CHANNEL))
    await client.set_overwrite(staff, keepers, allow=int(Permission.VIEW_CHANNEL))
    assert bot.user
    visible = {"allow": int(Permission.VIEW_CHANNEL)}
    sandbox.world.overwrite(sandbox.world.channels[staff.id], bot.user.id, **visible)
    await bot.guild_rules.add_word(guild_id, WordRule("nude", True), mo.id)
    await HallsOfFame(database).set(guild_id, HallOfFame(hall.id, 1), mo.id)
    for member, private in ((ada.at(adult), False), (ada.at(staff), False), (ada, True)):
        job, _ = await rendered_job(member, private=private)
        await bot.members.toggle_favourite(ada.id, job.id, limit=9)
    forbidden, _ = await rendered_job(ada, include="a word")
    await bot.guild_rules.add_word(guild_id, WordRule("word"), mo.id)
    await bot.members.toggle_favourite(ada.id, forbidden.id, limit=9)
    await wait_until_none_due(database)
    assert not await mo.at(hall).messages()

    # A hall of fame that the same members see shows the image.
    await HallsOfFame(database).set(guild_id, HallOfFame(staff.id, 1), mo.id)
    job, _ = await rendered_job(ada.at(staff), include="a blue star")
    await bot.members.toggle_favourite(ada.id, job.id, limit=9)
    await ada.at(staff).wait_for(lambda message: "1 favourite" in message.text)


async def test_an_image_is_a_spoiler_in_a_spoilered_channel(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    mo: Member,
    ada: Member,
    rendered_job: Any,
) -> None:
    hall = await sandbox.client.channel("hall")
    guild_id = sandbox.guild.id
    await HallsOfFame(database).set(guild_id, HallOfFame(hall.id, 1), mo.id)
    await bot.guild_rules.set_channel(guild_id, hall.id, ChannelRule.SPOILERED, True, mo.id)
    job, _ = await rendered_job(ada)
    await bot.members.toggle_favourite(ada.id, job.id, limit=9)
    shown = await mo.at(hall).wait_for(lambda message: "1 favourite" in message.text)
    gallery = shown.raw["components"][0]["components"][1]
    assert [item["spoiler"] for item in gallery["items"]] == [True]
    await wait_until_none_due(database)
    assert await Messages(database).any_sent(job.id, Kind.HALL_OF_FAME)


async def test_a_channel_in_which_the_bot_cannot_post_is_refused(
    bot: ImagineBot, sandbox: Sandbox, database: Database, mo: Member
) -> None:
    hall = await sandbox.client.channel("hall")
    everyone = await sandbox.client.everyone()
    await sandbox.client.set_overwrite(hall, everyone, deny=int(Permission.ATTACH_FILES))
    await mo.slash("mod hall-of-fame", channel=hall)
    await ephemeral_message(mo, "I can't post images in")
    assert await HallsOfFame(database).get(sandbox.guild.id) is None
    await mo.slash("mod hall-of-fame")
    await ephemeral_message(mo, "No more images will be added")
