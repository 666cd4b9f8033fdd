"""/cancel and the Cancel button."""

import discord

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.queue import JobQueue
from core.discord_ui.job_message import ShownImage, job_message
from core.job import NewJob, State
from core.recipe import Recipe
from core.settings import Settings
from sandbox import Member, MessageView, Sandbox
from sandbox.discord.models import Draft, Payload
from sandbox.discord.permissions import Permission
from tests.bot.conftest import private_message, running_bot


async def asked(member: Member, include: str = "a red circle") -> MessageView:
    """The job message of a new request by this member."""
    return await member.wait_filled(await member.slash("imagine", include=include))


async def posted(sandbox: Sandbox, member: Member, components: list[Payload]) -> MessageView:
    """A message of the bot's with such components, however they came about."""
    world = sandbox.world
    draft = Draft(content="An old card", components=components)
    message = world.post(sandbox.channel, world.application.bot, draft)
    found = await member.message(message.id)
    assert found
    return found


def button(custom_id: str) -> list[Payload]:
    inner = {"type": 2, "style": 2, "label": "Cancel", "custom_id": custom_id}
    return [{"type": 1, "components": [inner]}]


async def test_the_button_cancels_and_redraws_the_job_message(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    message = await asked(ada)
    reply = await ada.press(message, message.buttons[0].custom_id)
    assert reply.kind == "deferred_update"
    await ada.wait_for(lambda each: each.id == message.id and "Cancelled by Ada" in each.text)
    (job,) = await Jobs(database).unposted()
    assert job.state is State.CANCELLED


async def test_the_button_works_after_a_restart(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member
) -> None:
    async with running_bot(sandbox, settings, database):
        message = await asked(ada)
    await sandbox.gateway.wait_connected(connected=False)
    async with running_bot(sandbox, settings, database):
        await ada.press(message, message.buttons[0].custom_id)
        await ada.wait_for(lambda each: each.id == message.id and "Cancelled by" in each.text)


async def test_a_strangers_press_gets_a_polite_no(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    message = await asked(ada)
    await bob.press(message, message.buttons[0].custom_id)
    await private_message(bob, "Only the member who requested")
    assert len(await JobQueue(database).waiting()) == 1
    unchanged = await ada.message(message.id)
    assert unchanged
    assert (unchanged.text, unchanged.buttons) == (message.text, message.buttons)


async def test_a_moderator_may_cancel(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    moderator = await sandbox.member("Mo", permissions=int(Permission.MANAGE_MESSAGES))
    message = await asked(ada)
    await moderator.press(message, message.buttons[0].custom_id)
    await ada.wait_for(lambda each: "Cancelled by Mo" in each.text)
    assert not await JobQueue(database).waiting()


async def test_the_second_press_is_told_that_it_is_over(bot: ImagineBot, ada: Member) -> None:
    message = await asked(ada)
    await ada.press(message, message.buttons[0].custom_id)
    await ada.wait_for(lambda each: each.id == message.id and "Cancelled by" in each.text)
    await ada.slash("cancel", job=1)
    await private_message(ada, "is already cancelled")


async def test_forged_numbers_and_other_servers_jobs_are_refused(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    recipe = Recipe.make("a red circle", width=64, height=64, steps=50)
    elsewhere = await Jobs(database).insert(
        NewJob(
            recipe=recipe,
            guild_id=sandbox.guild.id + 1,
            channel_id=ada.channel_id,
            message_id=None,
            member_id=ada.id,
            member_name="Ada",
        )
    )
    for number in (elsewhere.id, 10**6, 10**18 - 1):
        forged = await posted(sandbox, ada, button(f"imagine:cancel:{number}"))
        await ada.press(forged, f"imagine:cancel:{number}")
        refused = await private_message(ada, "That job doesn't exist here.")
        sandbox.world.delete(sandbox.channel, sandbox.channel.messages[refused.id])
    assert [job.id for job in await JobQueue(database).waiting()] == [elsewhere.id]


async def test_a_component_that_nobody_knows_is_answered(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    old = await posted(sandbox, ada, button("imagine:frame-it-in-gold:7"))
    await ada.press(old, "imagine:frame-it-in-gold:7")
    await private_message(ada, "older message")


async def test_the_command_takes_a_number_or_the_latest(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    for include in ("first", "second", "third"):
        await asked(ada, include)
    await ada.slash("cancel", job=1)
    await private_message(ada, "Job #1 was cancelled.")
    await ada.slash("cancel")
    await private_message(ada, "Job #3 was cancelled.")
    assert [job.id for job in await JobQueue(database).waiting()] == [2]


async def test_the_command_without_anything_to_cancel(bot: ImagineBot, ada: Member) -> None:
    await ada.slash("cancel")
    await private_message(ada, "no images waiting")


async def test_autocomplete_offers_ones_own_living_jobs(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    await asked(ada, "a blue square")
    await asked(bob, "a green square")
    await asked(ada, "a red circle " + "very " * 60 + "red")
    await asked(ada, "gone")
    await Jobs(database).cancel(4)
    assert [choice["value"] for choice in await ada.complete("cancel", "job", job="")] == [1, 3]
    (choice,) = await ada.complete("cancel", "job", job="BLUE")
    assert choice["name"] == "#1 · waiting · a blue square"


async def test_a_frame_that_the_job_message_shows_stays_in_it(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    """The engine hangs frames on the card; cancelling keeps the last one in its place."""
    message = await asked(ada)
    job = await Jobs(database).get(1)
    assert job
    frame = discord.File(__file__, filename="frame.webp")
    channel = bot.get_partial_messageable(ada.channel_id)
    drawn = job_message(job, images=[ShownImage("attachment://frame.webp")])
    await channel.get_partial_message(message.id).edit(view=drawn, attachments=[frame])
    await ada.press(message, message.buttons[0].custom_id)
    redrawn = await ada.wait_for(lambda each: "Cancelled by" in each.text)
    assert {file.filename for file in redrawn.files} == {"frame.webp"}
