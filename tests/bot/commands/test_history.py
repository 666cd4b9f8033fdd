"""/history and favourites."""

import asyncio
from typing import Any

from bot.client import ImagineBot
from bot.components.pagination import PAGE_SIZE as PAGE
from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.job import Job, State
from sandbox import Member, Sandbox
from tests.bot.conftest import ephemeral_message, press_button


async def test_the_history_shows_only_the_members_images_newest_first(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, rendered_job: Any
) -> None:
    await rendered_job(ada, include="a *castle*")
    await rendered_job(bob, include="bob's secret")
    await rendered_job(ada, include="a lighthouse")
    await ada.slash("history")
    text = (await ephemeral_message(ada, "Your images")).text
    assert text.index("a lighthouse") < text.index(r"a \*castle\*")
    assert "secret" not in text


async def test_the_history_can_be_filtered_by_words_or_favourites(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada, include="a castle")
    await rendered_job(ada, include="a lighthouse")
    for key in ("weight", "include", "{"):  # in the recipe's JSON, but in no prompt
        await ada.slash("history", words=key)
        assert "No matching images" in (await ephemeral_message(ada, "Your images")).text
        sandbox.channel.messages.popitem()
    await ada.slash("history", words="LIGHT")
    assert "castle" not in (await ephemeral_message(ada, "a lighthouse")).text
    await press_button(sandbox, ada, message, f"favourite:{job.id}")
    await ephemeral_message(ada, "Added #")
    await ada.slash("history", favourites=True)
    starred = await ada.wait_for(
        lambda message: "castle" in message.text and "light" not in message.text
    )
    assert f"⭐ [#{job.id}]" in starred.text
    assert [file.filename for file in starred.files] == [f"thumbnail-{job.id}.webp"]
    await press_button(sandbox, ada, message, f"favourite:{job.id}")
    await ephemeral_message(ada, "Removed #")


async def test_a_member_cannot_exceed_the_limit_of_favourites(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, rendered_job: Any
) -> None:
    bot.settings = bot.settings.model_copy(update={"max_favourites": 1})
    for _ in range(2):
        job, message = await rendered_job(ada)
        await press_button(sandbox, ada, message, f"favourite:{job.id}")
    await ephemeral_message(ada, "You've reached the limit of favourites (1)")


async def test_the_filter_is_kept_from_page_to_page(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    await rendered_job(ada, include="a castle")
    async with database.transaction() as db:
        columns = (
            "recipe, prompt_text, pictures, work, guild_id, channel_id, member_id, member_name,"
            " turn, started_at"
        )
        for _ in range(PAGE + 1):
            await db.execute(
                f"INSERT INTO jobs ({columns}, state, created_at, finished_at)"
                f" SELECT {columns}, 'done', created_at, finished_at FROM jobs WHERE id = 1"
            )
    await rendered_job(ada, include="a lighthouse")
    await ada.slash("history", words="castle")
    first = await ephemeral_message(ada, "Page 1 of 2")
    await ada.press(first, first.buttons[1].custom_id)
    second = await ephemeral_message(ada, "Page 2 of 2")
    assert "lighthouse" not in second.text
    assert second.text.count("a castle") == 2


async def test_words_that_start_with_a_special_character_are_searched_for(
    bot: ImagineBot, ada: Member, rendered_job: Any
) -> None:
    """A star once selected favourites, and so did words that started with one."""
    await rendered_job(ada, include="*star of the sea")
    await ada.slash("history", words="*star")
    await ephemeral_message(ada, "star of the sea")
    await ada.slash("history", words="=star")
    await ephemeral_message(ada, "No matching images")


async def test_the_link_of_a_private_image_leads_to_the_direct_message(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, database: Database
) -> None:
    for private in (False, True):
        await ada.slash("imagine", include="a secret" if private else "a sea", private=private)
        job: Job | None = None
        while job is None:
            job = await Claims(database).claim("engine", 60)
        await Claims(database).finish(job.id, "engine", State.DONE)
        while job.message_id is None:  # the job may finish before its message is posted
            await asyncio.sleep(0.01)
            job = await Jobs(database).get(job.id)
            assert job
    direct = await ada.direct()
    (message,) = await direct.messages()
    await ada.slash("history")
    text = (await ephemeral_message(ada, "Your images")).text
    assert f"[#2](https://discord.com/channels/@me/{direct.channel_id}/{message.id})" in text
    assert f"[#1](https://discord.com/channels/{sandbox.guild.id}/{ada.channel_id}/" in text


async def test_a_button_of_an_older_version_still_turns_the_page(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, rendered_job: Any
) -> None:
    await rendered_job(ada, include="a castle")
    await rendered_job(ada, include="a lighthouse")
    await ada.slash("history")
    shown = await ephemeral_message(ada, "Your images")
    await press_button(sandbox, ada, shown, "page:history:0:castle")
    turned = await ada.wait_for(
        lambda message: (
            message.id == shown.id and "castle" in message.text and "light" not in message.text
        )
    )
    assert len(turned.files) == 1
