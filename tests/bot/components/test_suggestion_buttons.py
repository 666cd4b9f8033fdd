"""A prompt that the model knows nothing about is refused privately, with suggestions."""

from pathlib import Path

import pytest
from PIL import Image

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.queue import JobQueue
from core.settings import Settings
from core.understanding.vocabulary import vocabulary_of
from sandbox import Member, Sandbox
from tests.bot.conftest import ephemeral_message, running_bot


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"model": "picturebook"})


async def test_an_unknown_prompt_gets_three_suggestions_and_pressing_one_requests_it(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.slash("imagine", include="xqzwv brlmpf")
    message = await ephemeral_message(ada, "I don't know how to paint that yet.")
    assert len(await ada.messages()) == 1
    assert await JobQueue(database).waiting() == []
    assert len(message.buttons) == 3
    suggestion = message.buttons[1]
    await ada.wait_filled(await ada.press(message, suggestion.custom_id))
    (job,) = await JobQueue(database).waiting()
    assert job.recipe.title == suggestion.label


@pytest.mark.parametrize("include", ["a cat", "ein Hund", "un elefante", "犬", "elephnat"])
async def test_a_prompt_that_the_model_knows_is_queued(
    bot: ImagineBot, database: Database, ada: Member, include: str
) -> None:
    await ada.wait_filled(await ada.slash("imagine", include=include))
    (job,) = await JobQueue(database).waiting()
    assert job.recipe.title == include


async def test_a_palette_does_not_make_an_unknown_prompt_known(
    bot: ImagineBot, database: Database, ada: Member, tmp_path: Path
) -> None:
    Image.new("RGB", (8, 8), "navy").save(tmp_path / "colours.png")
    await ada.slash("imagine", include="xqzwv brlmpf", palette_from=tmp_path / "colours.png")
    await ephemeral_message(ada, "I don't know how to paint that yet.")
    assert await JobQueue(database).waiting() == []


async def test_the_vocabulary_is_loaded_before_the_first_request(
    sandbox: Sandbox, settings: Settings, database: Database
) -> None:
    vocabulary_of.cache_clear()
    async with running_bot(sandbox, settings, database):
        assert vocabulary_of.cache_info().currsize == 1
