"""A host can offer several models: members choose one, moderators set defaults."""

from typing import Any

import pytest

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.queue import JobQueue
from core.settings import Settings
from sandbox import Member, Sandbox
from tests.bot.conftest import ephemeral_message, requested_recipe, shown_preferences


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"models": ("picturebook",)})  # besides sketch


async def test_the_commands_offer_the_models(bot: ImagineBot, ada: Member) -> None:
    (imagine,) = [each for each in bot.tree.get_commands() if each.name == "imagine"]
    (model,) = [o for o in imagine.to_dict(bot.tree)["options"] if o["name"] == "model"]
    assert [choice["value"] for choice in model["choices"]] == ["sketch", "picturebook"]


async def test_the_model_comes_from_the_option_the_member_the_channel_or_the_server(
    bot: ImagineBot, sandbox: Sandbox, database: Database, mo: Member, ada: Member
) -> None:
    assert (await requested_recipe(ada, database)).model == "sketch"
    here = await sandbox.client.channel("things")
    await mo.slash("mod defaults", channel=here, model="picturebook", size="3:4")
    await ephemeral_message(mo, "Model: picturebook\nSize: 168x216")
    recipe = await requested_recipe(ada.at(here), database)
    assert (recipe.model, recipe.size, recipe.steps) == ("picturebook", "168x216", 30)
    assert (await requested_recipe(ada, database)).model == "sketch"
    assert (await requested_recipe(ada.at(here), database, model="sketch")).model == "sketch"

    shown = await shown_preferences(ada, model="picturebook")
    assert (shown["model"], shown["size"]) == ("picturebook", "no preference (192x192)")
    recipe = await requested_recipe(ada, database, size="16:9")
    assert (recipe.model, recipe.size) == ("picturebook", "256x144")


async def test_the_chosen_model_must_know_the_prompt(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.slash("imagine", include="xqzwv brlmpf", model="picturebook")
    await ephemeral_message(ada, "I don't know how to paint that yet.")
    assert await JobQueue(database).waiting() == []


async def test_what_builds_on_an_image_keeps_its_model_while_the_host_offers_it(
    bot: ImagineBot, settings: Settings, database: Database, ada: Member, rendered_job: Any
) -> None:
    job, _ = await rendered_job(ada, include="a circle", model="picturebook")
    message = await ada.wait_filled(await ada.slash("show", job=job.id))
    again = f"imagine:again:{job.id}"
    await ada.wait_filled(await ada.press(message, again))
    assert [job.recipe.model for job in await JobQueue(database).waiting()] == ["picturebook"]
    bot.settings = settings.model_copy(update={"models": ()})
    await ada.press(message, again)
    await ephemeral_message(ada, "The model picturebook isn't available anymore.")


async def test_an_image_from_before_there_were_several_models_belongs_to_the_default_one(
    bot: ImagineBot, settings: Settings, database: Database, ada: Member, rendered_job: Any
) -> None:
    bot.settings = settings.model_copy(update={"models": ()})
    job, _ = await rendered_job(ada)
    message = await ada.wait_filled(await ada.slash("show", job=job.id))
    assert job.recipe.model is None
    bot.settings = settings
    await ada.wait_filled(await ada.press(message, f"imagine:again:{job.id}"))
    assert [job.recipe.model for job in await JobQueue(database).waiting()] == ["sketch"]


async def test_default_sizes_are_those_of_the_model_that_applies_in_the_channel(
    bot: ImagineBot, sandbox: Sandbox, mo: Member
) -> None:
    here = await sandbox.client.channel("wide")
    await mo.slash("mod defaults", model="picturebook")
    await ephemeral_message(mo, "Model: picturebook")
    await mo.slash("mod defaults", channel=here, size="16:9")
    await ephemeral_message(mo, "Model: not set\nSize: 256x144")
