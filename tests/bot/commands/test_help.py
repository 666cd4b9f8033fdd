"""/help: its examples work."""

import pytest

from bot.client import ImagineBot
from bot.services.examples import EXAMPLES, examples
from core.database.connection import Database
from core.database.queue import JobQueue
from core.i18n import use_locale
from core.recipe import Recipe
from core.understanding.vocabulary import vocabulary_of
from sandbox import Member
from tests.bot.conftest import ephemeral_message


async def test_pressing_an_example_requests_it(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.slash("help")
    message = await ephemeral_message(ada, "/imagine")
    assert [button.label for button in message.buttons] == [i for i, _ in EXAMPLES["sketch"]]
    await ada.wait_filled(await ada.press(message, message.buttons[0].custom_id))
    (job,) = await JobQueue(database).waiting()
    assert job.recipe.title == "a red circle on a white background"


@pytest.mark.parametrize("language", ["en-US", "de", "es-ES", "fr", "ja"])
def test_examples_are_in_a_language_that_the_model_understands(language: str) -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    with use_locale(language):
        texts = [include for include, _ in examples("picturebook")]
    things = [vocabulary.understand(text).things for text in texts]
    assert things == [("owl",), ("cat", "dog"), ("rocket",)]
    assert (texts[1] == "a cat and a dog") == (language == "en-US")


def test_all_examples_are_valid_requests() -> None:
    for prompts in EXAMPLES.values():
        assert len(prompts) == 3
        for include, exclude in prompts:
            assert len(include) <= 80  # Discord's limit for a button's label
            Recipe.make(include, exclude, width=64, height=64, steps=10)
