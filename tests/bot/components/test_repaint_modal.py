"""The Repaint, Zoom out and Pan buttons: paint a part of a finished image anew."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.provenance import UploadedImages
from core.database.queue import JobQueue
from core.job import Job
from core.recipe import Recipe
from core.repaint import Move, Repaint, parse_regions
from core.settings import Settings
from core.storage.paths import finished_images, folder_of
from core.storage.uploaded_images import load_image
from sandbox import Member, Sandbox
from tests.bot.conftest import ephemeral_message, press_button, refusal


async def newest(database: Database) -> Job:
    return (await JobQueue(database).waiting())[-1]


def image_pixels(job: Job, row: int, settings: Settings) -> bytes:
    path = finished_images(folder_of(job.id, settings.data_dir))[row]
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


def initial_pixels(recipe: Recipe, settings: Settings) -> bytes:
    assert recipe.initial
    return load_image(recipe.initial, settings.data_dir).tobytes()


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    image = Image.new("L", (8, 8))
    image.paste(255, (0, 0, 4, 8))
    image.save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


async def test_a_part_is_repainted_with_other_prompts(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    job, message = await rendered_job(ada, count=2)
    opened = await press_button(sandbox, bob, message, f"repaint:{job.id}:1")
    fields = {label["component"]["custom_id"] for label in (opened.modal or {})["components"]}
    assert fields == {"include", "exclude", "regions", "box", "mask"}
    sent = {"include": "a dog", "exclude": "", "regions": ["left", "top"], "box": "60 60 90 90"}
    await bob.wait_filled(await bob.submit(opened, **sent))
    new_job = await newest(database)
    assert new_job.recipe.repaint == Repaint(parse_regions("left, top, 60 60 90 90"))
    assert (new_job.parent_id, new_job.recipe.count, new_job.recipe.size) == (job.id, 1, "64x64")
    assert [str(prompt) for prompt in new_job.recipe.include] == ["a dog"]
    assert initial_pixels(new_job.recipe, settings) == image_pixels(job, 1, settings)
    assert not await UploadedImages(database).foreign(new_job.recipe, bob.id)


async def test_a_mask_can_select_the_part(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    rendered_job: Any,
    mask: Path,
) -> None:
    job, message = await rendered_job(ada)
    opened = await press_button(sandbox, ada, message, f"repaint:{job.id}")
    await ada.wait_filled(await ada.submit(opened, include="a dog", mask=[mask]))
    recipe = (await newest(database)).recipe
    assert recipe.repaint
    assert recipe.repaint.mask
    assert set(recipe.image_names) == {recipe.initial, recipe.repaint.mask.name}
    async with database.read() as db:
        rows = await db.execute_fetchall("SELECT name FROM recipe_images")
    assert {row["name"] for row in rows} >= set(recipe.image_names)  # kept as long as the job


async def test_the_form_says_what_is_missing_or_wrong(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada)
    opened = await press_button(sandbox, ada, message, f"repaint:{job.id}")
    await ada.submit(opened, include="a dog")
    await ephemeral_message(ada, "Say which part to repaint")
    opened = await press_button(sandbox, ada, message, f"repaint:{job.id}")
    await ada.submit(opened, include="a dog", box="over there")
    await ephemeral_message(ada, "**Or a box: left, top, right, bottom in %**: A region is left")
    opened = await press_button(sandbox, ada, message, f"repaint:{job.id}")
    await ada.submit(opened, include="a dog", regions=["left", "top", "right"], box="1 1 9 9, top")
    await ephemeral_message(ada, "up to 4 regions")
    assert not await JobQueue(database).waiting()


async def test_zooming_out_keeps_the_prompts_and_panning_asks_for_them(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    rendered_job: Any,
) -> None:
    job, message = await rendered_job(ada, tile="both")
    await ada.wait_filled(await press_button(sandbox, ada, message, f"zoomout:{job.id}"))
    zoomed = (await newest(database)).recipe
    assert (zoomed.repaint, zoomed.tile) == (Repaint(move=Move.ZOOM_OUT), None)
    assert (zoomed.include, zoomed.exclude) == (job.recipe.include, job.recipe.exclude)
    opened = await press_button(sandbox, ada, message, f"pan:{job.id}")
    await ada.wait_filled(await ada.submit(opened, include="a house", move=["up"]))
    panned = (await newest(database)).recipe
    assert panned.repaint == Repaint(move=Move.UP)
    assert initial_pixels(panned, settings) == image_pixels(job, 0, settings)


async def test_an_enlarged_image_is_repainted_at_its_size(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada)
    enlarged = job.recipe.upscale(job.id, 0, 40).upscale(job.id, 0, 40)
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET recipe = ?", (enlarged.model_dump_json(),))
    zoomed_message = await ada.wait_filled(
        await press_button(sandbox, ada, message, f"zoomout:{job.id}")
    )
    zoomed = await newest(database)
    assert zoomed.recipe.size == "256x256"
    await ada.wait_filled(await press_button(sandbox, ada, zoomed_message, f"again:{zoomed.id}"))
    again = (await newest(database)).recipe
    assert (again.size, again.repaint) == ("256x256", zoomed.recipe.repaint)


async def test_imagine_repaints_a_part_of_an_uploaded_image(
    bot: ImagineBot, database: Database, ada: Member, mask: Path
) -> None:
    options = {"include": "a dog", "image": mask, "repaint": "links, 60 0 100 40"}
    await ada.wait_filled(await ada.slash("imagine", **options))
    recipe = (await newest(database)).recipe
    assert recipe.repaint == Repaint(parse_regions("left, 60 0 100 40"))
    assert recipe.initial


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"repaint": "left"}, "Add the image"),
        ({"repaint": "left", "image": True, "mask": True}, "Say which part"),
        ({"repaint": "left", "image": True, "tile": "both"}, "as a pattern"),
        ({"repaint": "nose", "image": True}, "A region is left"),
    ],
)
async def test_incomplete_or_conflicting_options_are_refused_at_once(
    bot: ImagineBot,
    database: Database,
    ada: Member,
    mask: Path,
    options: dict[str, Any],
    sentence: str,
) -> None:
    given = {name: mask if value is True else value for name, value in options.items()}
    await ada.slash("imagine", include="a dog", **given)
    assert sentence in await refusal(ada)
    assert not await JobQueue(database).waiting()
