"""What the model knows nothing of is refused privately and at once, with things that it knows."""

from pathlib import Path

import pytest
from PIL import Image

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.queue import JobQueue
from core.settings import Settings
from sandbox import Member
from tests.bot.conftest import private_message


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"model": "picturebook"})


async def test_three_suggestions_that_are_rendered_at_a_press(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.slash("imagine", include="xqzwv brlmpf")
    message = await private_message(ada, "I don't know how to paint that yet.")
    assert len(await ada.messages()) == 1
    assert await JobQueue(database).waiting() == []
    assert len(message.buttons) == 3
    wanted = message.buttons[1]
    await ada.wait_filled(await ada.press(message, wanted.custom_id))
    (job,) = await JobQueue(database).waiting()
    assert job.recipe.title == wanted.label


@pytest.mark.parametrize("include", ["a cat", "ein Hund", "un elefante", "犬", "elephnat"])
async def test_what_it_knows_is_queued(
    bot: ImagineBot, database: Database, ada: Member, include: str
) -> None:
    await ada.wait_filled(await ada.slash("imagine", include=include))
    (job,) = await JobQueue(database).waiting()
    assert job.recipe.title == include


async def test_colours_alone_do_not_say_what_to_render(
    bot: ImagineBot, database: Database, ada: Member, tmp_path: Path
) -> None:
    Image.new("RGB", (8, 8), "navy").save(tmp_path / "colours.png")
    await ada.slash("imagine", include="xqzwv brlmpf", palette_from=tmp_path / "colours.png")
    await private_message(ada, "I don't know how to paint that yet.")
    assert await JobQueue(database).waiting() == []
