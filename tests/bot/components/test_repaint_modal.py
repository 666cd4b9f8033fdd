"""Repaint, Zoom out and Pan: a part of a finished image is requested anew."""

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
from tests.bot.conftest import press, private_message, refusal


async def newest(database: Database) -> Job:
    return (await JobQueue(database).waiting())[-1]


def posted(job: Job, row: int, settings: Settings) -> bytes:
    path = finished_images(folder_of(job.id, settings.data_dir))[row]
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


def started_from(recipe: Recipe, settings: Settings) -> bytes:
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
    painted: Any,
) -> None:
    job, card = await painted(ada, count=2)
    opened = await press(sandbox, bob, card, f"repaint:{job.id}:1")
    fields = {label["component"]["custom_id"] for label in (opened.modal or {})["components"]}
    assert fields == {"include", "exclude", "regions", "box", "mask"}
    sent = {"include": "a dog", "exclude": "", "regions": ["left", "top"], "box": "60 60 90 90"}
    await bob.wait_filled(await bob.submit(opened, **sent))
    made = await newest(database)
    assert made.recipe.repaint == Repaint(parse_regions("left, top, 60 60 90 90"))
    assert (made.parent_id, made.recipe.count, made.recipe.size) == (job.id, 1, "64x64")
    assert [str(prompt) for prompt in made.recipe.include] == ["a dog"]
    assert started_from(made.recipe, settings) == posted(job, 1, settings)
    assert not await UploadedImages(database).foreign(made.recipe, bob.id)


async def test_a_mask_may_say_which_part(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    painted: Any,
    mask: Path,
) -> None:
    job, card = await painted(ada)
    opened = await press(sandbox, ada, card, f"repaint:{job.id}")
    await ada.wait_filled(await ada.submit(opened, include="a dog", mask=[mask]))
    recipe = (await newest(database)).recipe
    assert recipe.repaint
    assert recipe.repaint.mask
    assert set(recipe.image_names) == {recipe.initial, recipe.repaint.mask.name}
    async with database.read() as db:
        rows = await db.execute_fetchall("SELECT name FROM recipe_images")
    assert {row["name"] for row in rows} >= set(recipe.image_names)  # kept as long as the job


async def test_the_form_says_what_is_missing(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, painted: Any
) -> None:
    job, card = await painted(ada)
    opened = await press(sandbox, ada, card, f"repaint:{job.id}")
    await ada.submit(opened, include="a dog")
    await private_message(ada, "Say which part to repaint")
    opened = await press(sandbox, ada, card, f"repaint:{job.id}")
    await ada.submit(opened, include="a dog", box="over there")
    await private_message(ada, "A region is left, right")
    opened = await press(sandbox, ada, card, f"repaint:{job.id}")
    await ada.submit(opened, include="a dog", regions=["left", "top", "right"], box="1 1 9 9, top")
    await private_message(ada, "up to 4 regions")
    assert not await JobQueue(database).waiting()


async def test_zooming_out_keeps_the_prompts_and_panning_asks(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    painted: Any,
) -> None:
    job, card = await painted(ada, tile="both")
    await ada.wait_filled(await press(sandbox, ada, card, f"zoomout:{job.id}"))
    zoomed = (await newest(database)).recipe
    assert (zoomed.repaint, zoomed.tile) == (Repaint(move=Move.ZOOM_OUT), None)
    assert (zoomed.include, zoomed.exclude) == (job.recipe.include, job.recipe.exclude)
    opened = await press(sandbox, ada, card, f"pan:{job.id}")
    await ada.wait_filled(await ada.submit(opened, include="a house", move=["up"]))
    panned = (await newest(database)).recipe
    assert panned.repaint == Repaint(move=Move.UP)
    assert started_from(panned, settings) == posted(job, 0, settings)


async def test_an_enlarged_image_is_repainted_at_its_size(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, painted: Any
) -> None:
    job, card = await painted(ada)
    grown = job.recipe.larger(job.id, 0, 40).larger(job.id, 0, 40)
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET recipe = ?", (grown.model_dump_json(),))
    message = await ada.wait_filled(await press(sandbox, ada, card, f"zoomout:{job.id}"))
    zoomed = await newest(database)
    assert zoomed.recipe.size == "256x256"
    await ada.wait_filled(await press(sandbox, ada, message, f"again:{zoomed.id}"))
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
async def test_what_does_not_go_together_is_refused_at_once(
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
