"""/history and favourites."""

from typing import Any

from bot.client import ImagineBot
from bot.components.pagination import PAGE
from core.database.jobs import Store
from sandbox import Member, Sandbox
from tests.bot.conftest import press, told


async def test_ones_own_painted_pictures_the_newest_first(
    bot: ImagineBot, store: Store, ada: Member, bob: Member, painted: Any
) -> None:
    await painted(ada, include="a *castle*")
    await painted(bob, include="bob's secret")
    await painted(ada, include="a lighthouse")
    await ada.slash("history")
    text = (await told(ada, "Your pictures")).text
    assert text.index("a lighthouse") < text.index(r"a \*castle\*")
    assert "secret" not in text


async def test_only_those_with_certain_words_or_favourites(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, painted: Any
) -> None:
    job, card = await painted(ada, include="a castle")
    await painted(ada, include="a lighthouse")
    await ada.slash("history", words="LIGHT")
    assert "castle" not in (await told(ada, "a lighthouse")).text
    await press(sandbox, ada, card, f"favourite:{job.id}")
    await told(ada, "among your favourites now")
    await ada.slash("history", favourites=True)
    starred = await ada.wait_for(
        lambda message: "castle" in message.text and "light" not in message.text
    )
    assert f"#{job.id}" in starred.text
    await press(sandbox, ada, card, f"favourite:{job.id}")
    await told(ada, "no longer among your favourites")


async def test_what_narrows_the_list_stays_from_page_to_page(
    bot: ImagineBot, sandbox: Sandbox, store: Store, ada: Member, painted: Any
) -> None:
    await painted(ada, include="a castle")
    async with store.transaction() as db:
        columns = (
            "recipe, pictures, work, guild_id, channel_id, member_id, member_name, turn, started_at"
        )
        for _ in range(PAGE + 1):
            await db.execute(
                f"INSERT INTO jobs ({columns}, state, created_at, finished_at)"
                f" SELECT {columns}, 'done', created_at, finished_at FROM jobs WHERE id = 1"
            )
    await painted(ada, include="a lighthouse")
    await ada.slash("history", words="castle")
    first = await told(ada, "Page 1 of 2")
    await ada.press(first, first.buttons[1].custom_id)
    second = await told(ada, "Page 2 of 2")
    assert "lighthouse" not in second.text
    assert second.text.count("a castle") == 2
