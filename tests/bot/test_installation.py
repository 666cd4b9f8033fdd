"""The bot in direct messages, and in servers and group chats where only a member installed it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.client import ImagineBot
from bot.services import expiring_tokens
from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.queue import JobQueue
from core.database.response_tokens import ResponseTokens
from core.job import Job, Progress, State
from core.settings import Settings
from core.storage.paths import folder_of
from engine.delivery.frame import Frame
from engine.delivery.message_writer import MessageWriter
from engine.delivery.rest import logged_in
from sandbox import Member, MessageView, OptionError, Sandbox
from tests.bot.conftest import ephemeral_message, request_image


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Registers the commands globally: those of a single server are not in direct messages."""
    return settings.model_copy(update={"discord_guild_id": None})


async def test_a_member_requests_an_image_in_direct_messages(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, rendered_job: Any
) -> None:
    direct = await ada.direct()
    names = {command["name"] for command in await direct.commands()}
    assert {"imagine", "describe", "history", "privacy"} <= names
    assert not names & {"mod", "host", "Report to moderators"}
    job, job_message = await rendered_job(direct, private=True)  # it is private anyway
    assert (job.guild_id, job.channel_id, job.message_id) == (
        None,
        direct.channel_id,
        job_message.id,
    )
    await direct.slash("show", job=job.id)
    shown = await direct.wait_for(lambda message: message.ephemeral and "#1" in message.text)
    assert shown.files

    # Nobody else can see it, in any channel.
    for place in (bob, await bob.direct()):
        await place.slash("show", job=job.id)
        await ephemeral_message(place, "That job doesn't exist here")


async def test_history_and_cancel_in_direct_messages_cover_all_jobs_of_a_member(
    bot: ImagineBot, database: Database, ada: Member, rendered_job: Any
) -> None:
    direct = await ada.direct()
    await rendered_job(ada, include="a red circle")
    await rendered_job(direct, include="a blue star")
    await direct.slash("history")
    listed = await ephemeral_message(direct, "Your images")
    assert "a red circle" in listed.text
    assert "a blue star" in listed.text
    await ada.slash("history")
    assert "a blue star" not in (await ephemeral_message(ada, "Your images")).text

    await request_image(ada, include="a green square")
    await direct.slash("cancel")
    await ephemeral_message(direct, "Job #3 was cancelled")
    job = await Jobs(database).get(3)
    assert job
    assert job.state is State.CANCELLED


async def test_the_queue_hides_requests_from_other_conversations(
    bot: ImagineBot, ada: Member, bob: Member
) -> None:
    await request_image(await ada.direct(), include="a secret star")
    for place in (bob, await bob.direct()):
        await place.slash("queue")
        listed = await ephemeral_message(place, "Queue")
        assert "on another server" in listed.text
        assert not [word for word in ("Ada", "secret") if word in listed.text]
    direct = await ada.direct()
    await direct.slash("queue")
    assert "a secret star" in (await ephemeral_message(direct, "Queue")).text


async def test_buttons_and_alternatives_work_in_direct_messages(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    direct = await ada.direct()
    await direct.slash("imagine", include="a {red, blue} circle")
    question = await ephemeral_message(direct, "This makes 2 requests")
    await direct.press(question, question.buttons[0].custom_id)
    await ephemeral_message(direct, "Your 2 requests are in the queue")
    jobs = await JobQueue(database).waiting()
    assert [job.channel_id for job in jobs] == [direct.channel_id] * 2
    message = next(each for each in await direct.messages() if each.id == jobs[0].message_id)
    await direct.press(message, f"imagine:cancel:{jobs[0].id}")
    await direct.wait_for(lambda each: each.id == message.id and "Cancelled" in each.text)
    assert [job.id for job in await JobQueue(database).waiting()] == [jobs[1].id]


@pytest.fixture
async def ada_elsewhere(sandbox: Sandbox, ada: Member) -> Member:
    """Ada in a server without the bot, which she has added to her account."""
    world = sandbox.world
    owner = world.add_user("Owner")
    guild = world.add_guild("Elsewhere", owner)
    world.remove_bot(guild)
    channel = world.add_channel(guild, "chat")
    world.join(guild, world.users[ada.id])
    await ada.install()
    return ada.at(channel.id)


@pytest.fixture
async def ada_in_group(sandbox: Sandbox, ada: Member, bob: Member) -> Member:
    """Ada in a group chat with Bob. Only she has added the bot to her account."""
    users = sandbox.world.users
    group = sandbox.world.add_group("Weekend", users[ada.id], users[bob.id])
    await ada.install()
    return ada.at(group.id)


@asynccontextmanager
async def writer(database: Database, settings: Settings) -> AsyncIterator[MessageWriter]:
    """The engine's message writer. It has no access to that server's channels."""
    async with logged_in(settings) as client:
        yield MessageWriter(client, database, settings, grace=0)


async def finish_next_job(database: Database, settings: Settings) -> Job:
    """Finishes the next job with an image, without showing it."""
    job = await Claims(database).claim("engine", 60)
    assert job
    folder = folder_of(job.id, settings.data_dir)
    await asyncio.to_thread(_write_image, folder)
    await Claims(database).finish(job.id, "engine", State.DONE)
    return job


def _write_image(folder: Path) -> None:
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "final-0.png")


async def test_the_response_shows_the_job_where_the_bot_is_not_a_member(
    bot: ImagineBot,
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    ada_elsewhere: Member,
) -> None:
    message = await request_image(ada_elsewhere)
    assert message.ephemeral
    job = await Claims(database).claim("engine", 60)
    assert job
    assert (job.guild_id, job.channel_id, job.message_id) == (None, ada_elsewhere.channel_id, None)
    async with writer(database, settings) as engine:
        frame = Frame(Progress(3, 40, include=0.3), lambda: [Image.new("RGB", (16, 16))])
        assert await engine.show_frame(job.id, frame)
        assert [file.filename for file in await files_of(ada_elsewhere, message)] == ["step-3.webp"]
        await asyncio.to_thread(_write_image, folder_of(job.id, settings.data_dir))
        await Claims(database).finish(job.id, "engine", State.DONE)
        await engine.show_outcome(job.id)
    assert [file.filename for file in await files_of(ada_elsewhere, message)] == ["imagine-1-1.png"]
    assert not [
        each for each in sandbox.requests if f"/channels/{ada_elsewhere.channel_id}" in each.path
    ]

    # The job can be reached by its buttons, by its number, and in the history.
    await ada_elsewhere.wait_filled(await ada_elsewhere.press(message, "imagine:again:1"))
    again = await Claims(database).claim("engine", 60)
    assert again
    assert again.parent_id == 1
    assert await ResponseTokens(database).get(again.id)
    await ada_elsewhere.slash("show", job=1)
    assert (await ephemeral_message(ada_elsewhere, "a red circle")).files
    await ada_elsewhere.slash("history")
    assert "a red circle" in (await ephemeral_message(ada_elsewhere, "Your images")).text


async def test_after_fifteen_minutes_the_result_is_sent_by_direct_message(
    bot: ImagineBot,
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    ada_elsewhere: Member,
) -> None:
    job_message = await request_image(ada_elsewhere)
    async with writer(database, settings) as engine:
        job = await finish_next_job(database, settings)
        sandbox.clock.advance(15 * 60)
        await engine.show_outcome(job.id)
        assert not await files_of(ada_elsewhere, job_message)
        direct = await ada_elsewhere.direct()
        (shown,) = await direct.messages()
        assert [file.filename for file in shown.files] == ["imagine-1-1.png"]
        moved = await Jobs(database).get(job.id)
        assert moved
        assert (moved.channel_id, moved.message_id) == (direct.channel_id, shown.id)
        assert moved.posted

        # With direct messages closed, the engine gives up; `/show` still shows the image.
        await request_image(ada_elsewhere)
        await ada_elsewhere.accept_direct_messages(False)
        job = await finish_next_job(database, settings)
        sandbox.clock.advance(15 * 60)
        await engine.show_outcome(job.id)
    assert len(await direct.messages()) == 1
    assert not await Jobs(database).unposted()
    await ada_elsewhere.slash("show", job=job.id)
    await ada_elsewhere.wait_for(
        lambda message: f"#{job.id}" in message.text and bool(message.files)
    )


async def test_before_the_token_expires_the_member_reads_what_happens_next(
    monkeypatch: pytest.MonkeyPatch, bot: ImagineBot, database: Database, ada_elsewhere: Member
) -> None:
    monkeypatch.setattr(expiring_tokens, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(expiring_tokens, "ANNOUNCE_SECONDS", 20 * 60.0)
    message = await request_image(ada_elsewhere)
    notice = await ada_elsewhere.wait_for(
        lambda each: each.id == message.id and "15 minutes" in each.text
    )
    assert "job:1" in notice.text
    assert not await ResponseTokens(database).expiring(1e12)


async def test_what_needs_the_bot_in_the_server_is_not_offered(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada_elsewhere: Member
) -> None:
    names = {command["name"] for command in await ada_elsewhere.commands()}
    assert "imagine" in names
    assert not names & {"mod", "host", "Report to moderators"}
    await ada_elsewhere.slash("imagine", include="a {red, blue} circle")
    await ephemeral_message(ada_elsewhere, "only take single requests")
    assert not await JobQueue(database).waiting()
    await ada_elsewhere.install(False)
    with pytest.raises(OptionError):
        await ada_elsewhere.slash("imagine", include="a red circle")


async def test_in_a_group_chat_the_response_shows_the_job_only_to_its_member(
    bot: ImagineBot,
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    bob: Member,
    ada_in_group: Member,
) -> None:
    friend = bob.at(ada_in_group.channel_id)
    names = {command["name"] for command in await ada_in_group.commands()}
    assert {"imagine", "describe", "history", "Describe this image"} <= names
    assert not names & {"mod", "host", "Report to moderators"}
    assert not await friend.commands()  # he has not installed it

    message = await request_image(ada_in_group)
    assert message.ephemeral
    async with writer(database, settings) as engine:
        job = await finish_next_job(database, settings)
        assert (job.guild_id, job.channel_id) == (None, ada_in_group.channel_id)
        await engine.show_outcome(job.id)
        assert [file.filename for file in await files_of(ada_in_group, message)] == [
            "imagine-1-1.png"
        ]

        await ada_in_group.wait_filled(await ada_in_group.press(message, "imagine:again:1"))
        again = await finish_next_job(database, settings)
        sandbox.clock.advance(15 * 60)
        await engine.show_outcome(again.id)
    (late,) = await (await ada_in_group.direct()).messages()
    assert [file.filename for file in late.files] == ["imagine-2-1.png"]
    assert not [
        each for each in sandbox.requests if f"/channels/{ada_in_group.channel_id}" in each.path
    ]

    await ada_in_group.slash("imagine", include="a {red, blue} circle")
    await ephemeral_message(ada_in_group, "only take single requests")
    await friend.install()
    await friend.slash("show", job=1)
    await ephemeral_message(friend, "That job doesn't exist here")


async def files_of(member: Member, message: MessageView) -> list[Any]:
    current = await member.message(message.id)
    assert current
    return current.files
