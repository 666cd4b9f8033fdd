"""What members do in direct messages with the bot."""

from typing import Any

import pytest

from bot.client import ImagineBot
from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.queue import JobQueue
from core.job import State
from core.settings import Settings
from sandbox import Member
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
    await private_message(here, "Job #3 is cancelled")
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
        assert "in another server" in listed.text
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
    assert await Claims(database).claim("engine", 60)
    assert not await JobQueue(database).waiting()
