"""/prefer: one's own settings, for oneself alone."""

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.queue import JobQueue
from sandbox import Member
from tests.bot.conftest import private_message


async def test_what_is_preferred_need_not_be_typed(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    await ada.slash("prefer", size="96x64", steps=40, style="night")
    assert "Size: 96x64\nSteps: 40\nStyle: night" in (await private_message(ada, "Size")).text
    await ada.wait_filled(await ada.slash("imagine", include="a house"))
    await ada.wait_filled(await ada.slash("imagine", include="a house", size="64x64", steps=20))
    await bob.wait_filled(await bob.slash("imagine", include="a house"))
    recipes = {job.id: job.recipe for job in await JobQueue(database).waiting()}
    assert (recipes[1].size, recipes[1].steps, recipes[1].preset) == ("96x64", 40, "night")
    assert (recipes[2].size, recipes[2].steps) == ("64x64", 20)
    assert (recipes[3].size, recipes[3].steps, recipes[3].preset) == ("64x64", 100, None)
    await ada.slash("prefer", size="none", style="none", direct_copy=True)
    text = (await private_message(ada, "Copy by direct message: yes")).text
    assert "Size: 64x64\nSteps: 40\nStyle: none" in text
    assert "Images at once: 1\nMention when ready: when it took longer than a minute" in text
    assert "/prefer steps:50" in text  # how to change them


async def test_how_many_images_come_at_once_is_the_hosts_choice_and_then_the_members(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    bot.settings = bot.settings.model_copy(update={"images_per_request": 4})
    await ada.slash("prefer", count=2, notify="never")
    await private_message(ada, "Images at once: 2\nMention when ready: never")
    for member, options in ((bob, {}), (ada, {}), (ada, {"count": 3})):
        await member.wait_filled(await member.slash("imagine", include="a house", **options))
    jobs = await JobQueue(database).waiting()
    assert {job.id: job.recipe.count for job in jobs} == {1: 4, 2: 2, 3: 3}
    work = {job.id: job.recipe.work for job in jobs}
    assert work[1] == 2 * work[2]
