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
from tests.bot.conftest import ephemeral_message, running_bot


async def request(member: Member, include: str = "a red circle") -> MessageView:
    """The job message of a new request by this member."""
    return await member.wait_filled(await member.slash("imagine", include=include))


async def post_as_bot(sandbox: Sandbox, member: Member, components: list[Payload]) -> MessageView:
    """Posts a message by the bot with these components, even ones that it would never send."""
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
    message = await request(ada)
    reply = await ada.press(message, message.buttons[0].custom_id)
    assert reply.kind == "deferred_update"
    await ada.wait_for(lambda each: each.id == message.id and "Cancelled by Ada" in each.text)
    (job,) = await Jobs(database).unposted()
    assert job.state is State.CANCELLED


async def test_the_button_works_after_a_restart(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member
) -> None:
    async with running_bot(sandbox, settings, database):
        message = await request(ada)
    await sandbox.gateway.wait_connected(connected=False)
    async with running_bot(sandbox, settings, database):
        await ada.press(message, message.buttons[0].custom_id)
        await ada.wait_for(lambda each: each.id == message.id and "Cancelled by" in each.text)


async def test_a_press_by_another_member_is_refused(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    message = await request(ada)
    await bob.press(message, message.buttons[0].custom_id)
    await ephemeral_message(bob, "Only the member who requested")
    assert len(await JobQueue(database).waiting()) == 1
    unchanged = await ada.message(message.id)
    assert unchanged
    assert (unchanged.text, unchanged.buttons) == (message.text, message.buttons)


async def test_a_moderator_may_cancel(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    moderator = await sandbox.member("Mo", permissions=int(Permission.MANAGE_MESSAGES))
    message = await request(ada)
    await moderator.press(message, message.buttons[0].custom_id)
    await ada.wait_for(lambda each: "Cancelled by Mo" in each.text)
    assert not await JobQueue(database).waiting()


async def test_cancelling_again_reports_that_the_job_is_already_cancelled(
    bot: ImagineBot, ada: Member
) -> None:
    message = await request(ada)
    await ada.press(message, message.buttons[0].custom_id)
    await ada.wait_for(lambda each: each.id == message.id and "Cancelled by" in each.text)
    await ada.slash("cancel", job=1)
    await ephemeral_message(ada, "is already cancelled")


async def test_forged_job_ids_and_jobs_of_other_servers_are_refused(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    recipe = Recipe.make("a red circle", width=64, height=64, steps=50)
    other_servers_job = await Jobs(database).insert(
        NewJob(
            recipe=recipe,
            guild_id=sandbox.guild.id + 1,
            channel_id=ada.channel_id,
            message_id=None,
            member_id=ada.id,
            member_name="Ada",
        )
    )
    for job_id in (other_servers_job.id, 10**6, 10**18 - 1):
        forged = await post_as_bot(sandbox, ada, button(f"imagine:cancel:{job_id}"))
        await ada.press(forged, f"imagine:cancel:{job_id}")
        refused = await ephemeral_message(ada, "That job doesn't exist here.")
        sandbox.world.delete(sandbox.channel, sandbox.channel.messages[refused.id])
    assert [job.id for job in await JobQueue(database).waiting()] == [other_servers_job.id]


async def test_an_unknown_component_gets_a_response(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    old = await post_as_bot(sandbox, ada, button("imagine:frame-it-in-gold:7"))
    await ada.press(old, "imagine:frame-it-in-gold:7")
    await ephemeral_message(ada, "older message")


async def test_the_command_cancels_the_given_job_or_the_latest(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    for include in ("first", "second", "third"):
        await request(ada, include)
    await ada.slash("cancel", job=1)
    await ephemeral_message(ada, "Job #1 was cancelled.")
    await ada.slash("cancel")
    await ephemeral_message(ada, "Job #3 was cancelled.")
    assert [job.id for job in await JobQueue(database).waiting()] == [2]


async def test_the_command_reports_that_there_is_nothing_to_cancel(
    bot: ImagineBot, ada: Member
) -> None:
    await ada.slash("cancel")
    await ephemeral_message(ada, "no images waiting")


async def test_autocompletion_suggests_only_the_members_unfinished_jobs(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    await request(ada, "a blue square")
    await request(bob, "a green square")
    await request(ada, "a red circle " + "very " * 60 + "red")
    await request(ada, "gone")
    await Jobs(database).cancel(4)
    assert [choice["value"] for choice in await ada.complete("cancel", "job", job="")] == [1, 3]
    (choice,) = await ada.complete("cancel", "job", job="BLUE")
    assert choice["name"] == "#1 · waiting · a blue square"


async def test_cancelling_keeps_the_frame_that_the_job_message_shows(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    """The engine attaches frames to the job message; a cancellation keeps the last one there."""
    message = await request(ada)
    job = await Jobs(database).get(1)
    assert job
    frame = discord.File(__file__, filename="frame.webp")
    channel = bot.get_partial_messageable(ada.channel_id)
    view = job_message(job, images=[ShownImage("attachment://frame.webp")])
    await channel.get_partial_message(message.id).edit(view=view, attachments=[frame])
    await ada.press(message, message.buttons[0].custom_id)
    updated = await ada.wait_for(lambda each: "Cancelled by" in each.text)
    assert {file.filename for file in updated.files} == {"frame.webp"}
