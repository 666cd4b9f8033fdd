"""/blend: images as the only prompts, or together with a text."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.queue import JobQueue
from core.palette import parse_palette
from core.prompts import Prompt
from sandbox import Member
from tests.bot.conftest import refusal

COLOURS = {"first": "red", "second": "lime", "third": "blue", "fourth": "tan"}


def attachments(folder: Path, count: int) -> dict[str, Any]:
    paths = {name: folder / f"{name}.png" for name in list(COLOURS)[:count]}
    for name, path in paths.items():
        Image.new("RGB", (8, 8), COLOURS[name]).save(path)
    return paths


async def test_images_are_the_only_prompts_and_keep_their_weights(
    bot: ImagineBot, database: Database, ada: Member, tmp_path: Path
) -> None:
    images = attachments(tmp_path, 3)
    await ada.wait_filled(await ada.slash("blend", weights="2, 0.5 1", exclude="fog", **images))
    (job,) = await JobQueue(database).waiting()
    assert job.recipe.include == ()
    assert [image.weight for image in job.recipe.include_images] == [2, 0.5, 1]
    assert len(set(job.recipe.image_names)) == 3
    assert job.recipe.exclude == (Prompt("fog"),)


async def test_a_text_prompt_can_be_combined_with_images(
    bot: ImagineBot, database: Database, ada: Member, tmp_path: Path
) -> None:
    await ada.wait_filled(await ada.slash("blend", include="a blend", **attachments(tmp_path, 2)))
    (job,) = await JobQueue(database).waiting()
    assert job.recipe.include == (Prompt("a blend"),)
    assert [image.weight for image in job.recipe.include_images] == [1, 1]


@pytest.mark.parametrize(
    ("weights", "sentence"), [("1", "each of the 2 images"), ("1 -2", "be negative")]
)
async def test_a_wrong_number_of_weights_or_a_negative_one_is_refused(
    bot: ImagineBot, database: Database, ada: Member, tmp_path: Path, weights: str, sentence: str
) -> None:
    await ada.slash("blend", weights=weights, **attachments(tmp_path, 2))
    assert sentence in await refusal(ada)
    assert not await JobQueue(database).waiting()


async def test_imagine_takes_a_weighted_image_prompt_and_a_palette_from_an_image(
    bot: ImagineBot, database: Database, ada: Member, tmp_path: Path
) -> None:
    two = Image.new("RGB", (8, 8), "#102030")
    two.paste("#f0e0d0", (0, 0, 8, 2))
    two.save(tmp_path / "two.png")
    like = attachments(tmp_path, 1)["first"]
    options = {"like": like, "like_weight": 2.5, "palette_from": tmp_path / "two.png"}
    await ada.wait_filled(await ada.slash("imagine", include="a hill", tile="down", **options))
    await ada.wait_filled(
        await ada.slash("imagine", include="a hill", palette="gameboy", symmetry="both")
    )
    first, second = (job.recipe for job in await JobQueue(database).waiting())
    assert first.include_images[0].weight == 2.5
    assert (first.palette, first.tile) == (("#102030", "#f0e0d0"), "down")
    assert (second.palette, second.symmetry) == (parse_palette("gameboy"), "both")
