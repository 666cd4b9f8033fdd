"""What members do in direct messages with the bot, and where only they have installed it."""

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
from tests.bot.conftest import asked, private_message


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Commands of all servers: those of a single one are not in direct messages."""
    return settings.model_copy(update={"discord_guild_id": None})


async def test_a_member_requests_an_image_in_direct_messages(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, painted: Any
) -> None:
    here = await ada.direct()
    names = {command["name"] for command in await here.commands()}
    assert {"imagine", "describe", "history", "privacy"} <= names
    assert not names & {"mod", "host", "Report to moderators"}
    job, card = await painted(here, private=True)  # which goes without saying
    assert (job.guild_id, job.channel_id, job.message_id) == (None, here.channel_id, card.id)
    await here.slash("show", job=job.id)
    shown = await here.wait_for(lambda message: message.ephemeral and "#1" in message.text)
    assert shown.files

    # Others see nothing of it, wherever they are.
    for place in (bob, await bob.direct()):
        await place.slash("show", job=job.id)
        await private_message(place, "That job doesn't exist here")


async def test_history_and_cancel_reach_all_of_ones_jobs(
    bot: ImagineBot, database: Database, ada: Member, painted: Any
) -> None:
    here = await ada.direct()
    await painted(ada, include="a red circle")
    await painted(here, include="a blue star")
    await here.slash("history")
    listed = await private_message(here, "Your images")
    assert "a red circle" in listed.text
    assert "a blue star" in listed.text
    await ada.slash("history")
    assert "a blue star" not in (await private_message(ada, "Your images")).text

    await asked(ada, include="a green square")
    await here.slash("cancel")
    await private_message(here, "Job #3 was cancelled")
    job = await Jobs(database).get(3)
    assert job
    assert job.state is State.CANCELLED


async def test_the_queue_tells_nothing_of_other_conversations(
    bot: ImagineBot, ada: Member, bob: Member
) -> None:
    await asked(await ada.direct(), include="a secret star")
    for place in (bob, await bob.direct()):
        await place.slash("queue")
        listed = await private_message(place, "Queue")
        assert "on another server" in listed.text
        assert not [word for word in ("Ada", "secret") if word in listed.text]
    here = await ada.direct()
    await here.slash("queue")
    assert "a secret star" in (await private_message(here, "Queue")).text


async def test_buttons_and_alternatives_work_there(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    here = await ada.direct()
    await here.slash("imagine", include="a {red, blue} circle")
    question = await private_message(here, "This makes 2 requests")
    await here.press(question, question.buttons[0].custom_id)
    await private_message(here, "Your 2 requests are in the queue")
    jobs = await JobQueue(database).waiting()
    assert [job.channel_id for job in jobs] == [here.channel_id] * 2
    card = next(each for each in await here.messages() if each.id == jobs[0].message_id)
    await here.press(card, f"imagine:cancel:{jobs[0].id}")
    await here.wait_for(lambda each: each.id == card.id and "Cancelled" in each.text)
    assert [job.id for job in await JobQueue(database).waiting()] == [jobs[1].id]


@pytest.fixture
async def abroad(sandbox: Sandbox, ada: Member) -> Member:
    """Ada in a server that has not invited the bot, which she has added to her account."""
    world = sandbox.world
    owner = world.add_user("Owner")
    guild = world.add_guild("Elsewhere", owner)
    world.remove_bot(guild)
    channel = world.add_channel(guild, "chat")
    world.join(guild, world.users[ada.id])
    await ada.install()
    return ada.at(channel.id)


@pytest.fixture
async def chat(sandbox: Sandbox, ada: Member, bob: Member) -> Member:
    """Ada in a group chat with Bob. Only she has added the bot to her account."""
    users = sandbox.world.users
    group = sandbox.world.add_group("Weekend", users[ada.id], users[bob.id])
    await ada.install()
    return ada.at(group.id)


@asynccontextmanager
async def writer(database: Database, settings: Settings) -> AsyncIterator[MessageWriter]:
    """The engine's, which knows no channel of that server."""
    async with logged_in(settings) as client:
        yield MessageWriter(client, database, settings, grace=0)


async def finished(database: Database, settings: Settings) -> Job:
    """The next job, with an image that is not shown yet."""
    job = await Claims(database).claim("engine", 60)
    assert job
    folder = folder_of(job.id, settings.data_dir)
    await asyncio.to_thread(_write_image, folder)
    await Claims(database).finish(job.id, "engine", State.DONE)
    return job


def _write_image(folder: Path) -> None:
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "final-0.png")


async def test_where_the_bot_is_no_member_the_response_shows_the_job(
    bot: ImagineBot,
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    abroad: Member,
) -> None:
    card = await asked(abroad)
    assert card.ephemeral
    job = await Claims(database).claim("engine", 60)
    assert job
    assert (job.guild_id, job.channel_id, job.message_id) == (None, abroad.channel_id, None)
    async with writer(database, settings) as engine:
        frame = Frame(Progress(3, 40, include=0.3), lambda: [Image.new("RGB", (16, 16))])
        assert await engine.show_frame(job.id, frame)
        assert [file.filename for file in await files_of(abroad, card)] == ["step-3.webp"]
        await asyncio.to_thread(_write_image, folder_of(job.id, settings.data_dir))
        await Claims(database).finish(job.id, "engine", State.DONE)
        await engine.show_outcome(job.id)
    assert [file.filename for file in await files_of(abroad, card)] == ["imagine-1-1.png"]
    assert not [each for each in sandbox.requests if f"/channels/{abroad.channel_id}" in each.path]

    # It goes on from there: by the buttons, by its number, and in the list.
    await abroad.wait_filled(await abroad.press(card, "imagine:again:1"))
    again = await Claims(database).claim("engine", 60)
    assert again
    assert again.parent_id == 1
    assert await ResponseTokens(database).get(again.id)
    await abroad.slash("show", job=1)
    assert (await private_message(abroad, "a red circle")).files
    await abroad.slash("history")
    assert "a red circle" in (await private_message(abroad, "Your images")).text


async def test_after_fifteen_minutes_the_result_comes_by_direct_message(
    bot: ImagineBot,
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    abroad: Member,
) -> None:
    card = await asked(abroad)
    async with writer(database, settings) as engine:
        job = await finished(database, settings)
        sandbox.clock.advance(15 * 60)
        await engine.show_outcome(job.id)
        assert not await files_of(abroad, card)
        direct = await abroad.direct()
        (shown,) = await direct.messages()
        assert [file.filename for file in shown.files] == ["imagine-1-1.png"]
        moved = await Jobs(database).get(job.id)
        assert moved
        assert (moved.channel_id, moved.message_id) == (direct.channel_id, shown.id)
        assert moved.posted

        # And if they take none: the engine gives up, and the image is there to be looked up.
        await asked(abroad)
        await abroad.accept_direct_messages(False)
        job = await finished(database, settings)
        sandbox.clock.advance(15 * 60)
        await engine.show_outcome(job.id)
    assert len(await direct.messages()) == 1
    assert not await Jobs(database).unposted()
    await abroad.slash("show", job=job.id)
    await abroad.wait_for(lambda message: f"#{job.id}" in message.text and bool(message.files))


async def test_before_the_token_ends_the_member_reads_what_comes_next(
    monkeypatch: pytest.MonkeyPatch, bot: ImagineBot, database: Database, abroad: Member
) -> None:
    monkeypatch.setattr(expiring_tokens, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(expiring_tokens, "AHEAD", 20 * 60.0)
    card = await asked(abroad)
    notice = await abroad.wait_for(lambda each: each.id == card.id and "15 minutes" in each.text)
    assert "job:1" in notice.text
    assert not await ResponseTokens(database).expiring(1e12)


async def test_what_needs_a_server_is_not_offered_there(
    bot: ImagineBot, sandbox: Sandbox, database: Database, abroad: Member
) -> None:
    names = {command["name"] for command in await abroad.commands()}
    assert "imagine" in names
    assert not names & {"mod", "host", "Report to moderators"}
    await abroad.slash("imagine", include="a {red, blue} circle")
    await private_message(abroad, "only take single requests")
    assert not await JobQueue(database).waiting()
    await abroad.install(False)
    with pytest.raises(OptionError):
        await abroad.slash("imagine", include="a red circle")


async def test_in_a_group_chat_the_response_shows_the_job_to_its_member_alone(
    bot: ImagineBot,
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    bob: Member,
    chat: Member,
) -> None:
    friend = bob.at(chat.channel_id)
    names = {command["name"] for command in await chat.commands()}
    assert {"imagine", "describe", "history", "Describe this image"} <= names
    assert not names & {"mod", "host", "Report to moderators"}
    assert not await friend.commands()  # who has not added it has no commands there

    card = await asked(chat)
    assert card.ephemeral
    async with writer(database, settings) as engine:
        job = await finished(database, settings)
        assert (job.guild_id, job.channel_id) == (None, chat.channel_id)
        await engine.show_outcome(job.id)
        assert [file.filename for file in await files_of(chat, card)] == ["imagine-1-1.png"]

        await chat.wait_filled(await chat.press(card, "imagine:again:1"))
        again = await finished(database, settings)
        sandbox.clock.advance(15 * 60)
        await engine.show_outcome(again.id)
    (late,) = await (await chat.direct()).messages()
    assert [file.filename for file in late.files] == ["imagine-2-1.png"]
    assert not [each for each in sandbox.requests if f"/channels/{chat.channel_id}" in each.path]

    await chat.slash("imagine", include="a {red, blue} circle")
    await private_message(chat, "only take single requests")
    await friend.install()
    await friend.slash("show", job=1)
    await private_message(friend, "That job doesn't exist here")


async def files_of(member: Member, card: MessageView) -> list[Any]:
    message = await member.message(card.id)
    assert message
    return message.files
