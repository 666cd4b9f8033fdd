"""The menus of messages."""

from pathlib import Path
from typing import Any

import discord
import pytest
from PIL import Image

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.queue import JobQueue
from core.discord_ui.job_message import ShownImage, job_message
from core.settings import Settings
from core.storage.paths import finished_images, folder_of
from sandbox import Member, Sandbox
from tests.bot.conftest import private_message


async def test_an_image_of_anybody_is_rendered_from(
    bot: ImagineBot,
    database: Database,
    settings: Settings,
    ada: Member,
    bob: Member,
    tmp_path: Path,
) -> None:
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    said = await bob.say("my lawn", tmp_path / "lawn.png")
    opened = await ada.use_menu("Imagine from this image", said)
    assert opened.fields == {"include": "", "exclude": ""}
    await ada.wait_filled(await ada.submit(opened, include="a sea", strength="0.8"))
    (job,) = await JobQueue(database).waiting()
    assert (job.member_id, job.recipe.title, job.recipe.strength) == (ada.id, "a sea", 0.8)
    assert (settings.data_dir / "initial" / f"{job.recipe.initial}.png").exists()


@pytest.mark.parametrize("count", [1, 3])
async def test_an_image_of_a_job_is_rendered_from(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    bob: Member,
    painted: Any,
    count: int,
) -> None:
    """As the engine shows it: in a gallery, where it is no attachment."""
    job, card = await painted(ada, count=count)
    folder = folder_of(job.id, settings.data_dir)
    files = [
        discord.File(path, f"imagine-{job.id}-{number}.png")
        for number, path in enumerate(finished_images(folder), start=1)
    ]
    shown = job_message(job, images=[ShownImage(file.uri) for file in files])
    message = bot.get_partial_messageable(ada.channel_id).get_partial_message(card.id)
    await message.edit(attachments=files, view=shown)
    posted = await bob.wait_for(lambda each: each.id == card.id and bool(each.files))
    assert len(posted.files) == count
    assert not posted.raw["attachments"]
    opened = await bob.use_menu("Imagine from this image", posted)
    await bob.wait_filled(await bob.submit(opened, include="a sea"))
    (made,) = await JobQueue(database).waiting()
    assert made.member_id == bob.id
    assert made.recipe.initial
    assert made.recipe.initial != job.recipe.initial


async def test_a_forwarded_image_is_rendered_from_and_tells_its_requester_the_prompt(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    bob: Member,
    painted: Any,
    tmp_path: Path,
) -> None:
    elsewhere = await sandbox.client.channel("elsewhere")
    reader = bob.at(elsewhere)
    job, card = await painted(ada, include="a castle | mist:0.5")
    forwarded = await ada.forward(card, elsewhere)
    await ada.at(elsewhere).use_menu("What was this prompt?", forwarded)
    assert "a castle | mist:0.5" in (await private_message(ada.at(elsewhere), f"#{job.id}")).text
    await reader.use_menu("What was this prompt?", forwarded)  # not of its channel
    await private_message(reader, "doesn't exist here")

    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    photo = await ada.forward(await ada.say("my lawn", tmp_path / "lawn.png"), elsewhere)
    assert [file.filename for file in photo.files] == ["lawn.png"]
    opened = await reader.use_menu("Imagine from this image", photo)
    await reader.wait_filled(await reader.submit(opened, include="a sea"))
    (made,) = await JobQueue(database).waiting()
    assert made.recipe.initial


async def test_the_menu_heeds_preferences(
    bot: ImagineBot, database: Database, ada: Member, tmp_path: Path
) -> None:
    await ada.slash("prefer", size="96x64", steps=40)
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    said = await ada.say("my lawn", tmp_path / "lawn.png")
    opened = await ada.use_menu("Imagine from this image", said)
    await ada.wait_filled(await ada.submit(opened, include="a sea"))
    (job,) = await JobQueue(database).waiting()
    assert (job.recipe.size, job.recipe.steps) == ("96x64", 40)


async def test_a_form_that_is_only_opened_is_not_kept_in_memory(
    bot: ImagineBot, ada: Member, tmp_path: Path
) -> None:
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    said = await ada.say("my lawn", tmp_path / "lawn.png")
    await ada.use_menu("Imagine from this image", said)
    assert not bot._connection._view_store._modals


async def test_a_wrong_weight_in_the_form_is_pointed_at(
    bot: ImagineBot, ada: Member, tmp_path: Path
) -> None:
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    said = await ada.say("my lawn", tmp_path / "lawn.png")
    opened = await ada.use_menu("Imagine from this image", said)
    await ada.submit(opened, include="a castle | fog:-1")
    assert "a castle | fog:-1\n               ^" in (await private_message(ada, "negative")).content


async def test_a_message_without_an_image(bot: ImagineBot, ada: Member, bob: Member) -> None:
    said = await bob.say("no picture here")
    await ada.use_menu("Imagine from this image", said)
    await private_message(ada, "There is no image in this message")
    await ada.use_menu("What was this prompt?", said)
    await private_message(ada, "doesn't show one of my images")


async def test_what_an_image_was_asked_for_with(
    bot: ImagineBot, ada: Member, bob: Member, painted: Any
) -> None:
    job, card = await painted(ada, include="a castle | mist:0.5")
    await bob.use_menu("What was this prompt?", card)
    assert "a castle | mist:0.5" in (await private_message(bob, f"#{job.id}")).text
