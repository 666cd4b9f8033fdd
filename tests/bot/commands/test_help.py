"""/help: its examples work."""

from bot.client import ImagineBot
from bot.services.examples import EXAMPLES
from core.database.connection import Database
from core.database.queue import JobQueue
from core.recipe import Recipe
from sandbox import Member
from tests.bot.conftest import private_message


async def test_an_example_is_asked_for_by_a_press(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.slash("help")
    message = await private_message(ada, "/imagine")
    assert [button.label for button in message.buttons] == [i for i, _ in EXAMPLES["sketch"]]
    await ada.wait_filled(await ada.press(message, message.buttons[0].custom_id))
    (job,) = await JobQueue(database).waiting()
    assert job.recipe.title == "a red circle on a white background"


def test_all_examples_are_wishes() -> None:
    for examples in EXAMPLES.values():
        assert len(examples) == 3
        for include, exclude in examples:
            assert len(include) <= 80  # what a button can show
            Recipe.make(include, exclude, width=64, height=64, steps=10)
