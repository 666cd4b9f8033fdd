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
from tests.bot.conftest import press, private_message


async def test_a_members_finished_images_the_newest_first(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, painted: Any
) -> None:
    await painted(ada, include="a *castle*")
    await painted(bob, include="bob's secret")
    await painted(ada, include="a lighthouse")
    await ada.slash("history")
    text = (await private_message(ada, "Your images")).text
    assert text.index("a lighthouse") < text.index(r"a \*castle\*")
    assert "secret" not in text


async def test_only_those_with_certain_words_or_favourites(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, painted: Any
) -> None:
    job, card = await painted(ada, include="a castle")
    await painted(ada, include="a lighthouse")
    for key in ("weight", "include", "{"):  # of the recipe's JSON, but in no prompt
        await ada.slash("history", words=key)
        assert "No matching images" in (await private_message(ada, "Your images")).text
        sandbox.channel.messages.popitem()
    await ada.slash("history", words="LIGHT")
    assert "castle" not in (await private_message(ada, "a lighthouse")).text
    await press(sandbox, ada, card, f"favourite:{job.id}")
    await private_message(ada, "Added #")
    await ada.slash("history", favourites=True)
    starred = await ada.wait_for(
        lambda message: "castle" in message.text and "light" not in message.text
    )
    assert f"⭐ [#{job.id}]" in starred.text
    assert [file.filename for file in starred.files] == [f"thumbnail-{job.id}.webp"]
    await press(sandbox, ada, card, f"favourite:{job.id}")
    await private_message(ada, "Removed #")


async def test_a_member_with_all_the_favourites_there_can_be_is_asked_to_remove_one(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, painted: Any
) -> None:
    bot.settings = bot.settings.model_copy(update={"max_favourites": 1})
    for _ in range(2):
        job, card = await painted(ada)
        await press(sandbox, ada, card, f"favourite:{job.id}")
    await private_message(ada, "You've reached the limit of favourites (1)")


async def test_what_narrows_the_list_stays_from_page_to_page(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, painted: Any
) -> None:
    await painted(ada, include="a castle")
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
    await painted(ada, include="a lighthouse")
    await ada.slash("history", words="castle")
    first = await private_message(ada, "Page 1 of 2")
    await ada.press(first, first.buttons[1].custom_id)
    second = await private_message(ada, "Page 2 of 2")
    assert "lighthouse" not in second.text
    assert second.text.count("a castle") == 2


async def test_words_that_begin_like_a_mark_are_words(
    bot: ImagineBot, ada: Member, painted: Any
) -> None:
    """A star once stood for favourites, and words that began with one for them as well."""
    await painted(ada, include="*star of the sea")
    await ada.slash("history", words="*star")
    await private_message(ada, "star of the sea")
    await ada.slash("history", words="=star")
    await private_message(ada, "No matching images")


async def test_the_link_of_a_private_image_leads_into_the_direct_conversation(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, database: Database
) -> None:
    for private in (False, True):
        await ada.slash("imagine", include="a secret" if private else "a sea", private=private)
        job: Job | None = None
        while job is None:
            job = await Claims(database).claim("engine", 60)
        await Claims(database).finish(job.id, "engine", State.DONE)
        while job.message_id is None:  # the engine may be sooner than the message
            await asyncio.sleep(0.01)
            job = await Jobs(database).get(job.id)
            assert job
    direct = await ada.direct()
    (message,) = await direct.messages()
    await ada.slash("history")
    text = (await private_message(ada, "Your images")).text
    assert f"[#2](https://discord.com/channels/@me/{direct.channel_id}/{message.id})" in text
    assert f"[#1](https://discord.com/channels/{sandbox.guild.id}/{ada.channel_id}/" in text


async def test_a_button_of_before_still_turns_the_page(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, painted: Any
) -> None:
    await painted(ada, include="a castle")
    await painted(ada, include="a lighthouse")
    await ada.slash("history")
    shown = await private_message(ada, "Your images")
    await press(sandbox, ada, shown, "page:history:0:castle")
    turned = await ada.wait_for(
        lambda message: (
            message.id == shown.id and "castle" in message.text and "light" not in message.text
        )
    )
    assert len(turned.files) == 1
