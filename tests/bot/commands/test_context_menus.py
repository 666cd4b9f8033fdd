"""The context menu of messages."""

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
from tests.bot.conftest import ephemeral_message


async def test_a_job_can_start_from_an_image_that_anyone_posted(
    bot: ImagineBot,
    database: Database,
    settings: Settings,
    ada: Member,
    bob: Member,
    tmp_path: Path,
) -> None:
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    message = await bob.say("my lawn", tmp_path / "lawn.png")
    opened = await ada.use_menu("Imagine from this image", message)
    assert opened.fields == {"include": "", "exclude": ""}
    await ada.wait_filled(await ada.submit(opened, include="a sea", strength="0.8"))
    (job,) = await JobQueue(database).waiting()
    assert (job.member_id, job.recipe.title, job.recipe.strength) == (ada.id, "a sea", 0.8)
    assert (settings.data_dir / "initial" / f"{job.recipe.initial}.png").exists()


@pytest.mark.parametrize("count", [1, 3])
async def test_a_job_can_start_from_another_jobs_image(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    bob: Member,
    rendered_job: Any,
    count: int,
) -> None:
    """The engine shows it in a gallery, so the message has no attachments."""
    job, message = await rendered_job(ada, count=count)
    folder = folder_of(job.id, settings.data_dir)
    files = [
        discord.File(path, f"imagine-{job.id}-{number}.png")
        for number, path in enumerate(finished_images(folder), start=1)
    ]
    shown = job_message(job, images=[ShownImage(file.uri) for file in files])
    partial_message = bot.get_partial_messageable(ada.channel_id).get_partial_message(message.id)
    await partial_message.edit(attachments=files, view=shown)
    posted = await bob.wait_for(lambda each: each.id == message.id and bool(each.files))
    assert len(posted.files) == count
    assert not posted.raw["attachments"]
    opened = await bob.use_menu("Imagine from this image", posted)
    await bob.wait_filled(await bob.submit(opened, include="a sea"))
    (new_job,) = await JobQueue(database).waiting()
    assert new_job.member_id == bob.id
    assert new_job.recipe.initial
    assert new_job.recipe.initial != job.recipe.initial


async def test_a_forwarded_image_can_be_started_from_but_shows_its_prompt_only_to_its_member(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    bob: Member,
    rendered_job: Any,
    tmp_path: Path,
) -> None:
    elsewhere = await sandbox.client.channel("elsewhere")
    reader = bob.at(elsewhere)
    job, message = await rendered_job(ada, include="a castle | mist:0.5")
    forwarded = await ada.forward(message, elsewhere)
    await ada.at(elsewhere).use_menu("What was this prompt?", forwarded)
    assert "a castle | mist:0.5" in (await ephemeral_message(ada.at(elsewhere), f"#{job.id}")).text
    await reader.use_menu("What was this prompt?", forwarded)  # the job is from another channel
    await ephemeral_message(reader, "doesn't exist here")

    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    photo = await ada.forward(await ada.say("my lawn", tmp_path / "lawn.png"), elsewhere)
    assert [file.filename for file in photo.files] == ["lawn.png"]
    opened = await reader.use_menu("Imagine from this image", photo)
    await reader.wait_filled(await reader.submit(opened, include="a sea"))
    (new_job,) = await JobQueue(database).waiting()
    assert new_job.recipe.initial


async def test_the_menu_uses_the_members_preferences(
    bot: ImagineBot, database: Database, ada: Member, tmp_path: Path
) -> None:
    await ada.slash("prefer", size="96x64", steps=40)
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    message = await ada.say("my lawn", tmp_path / "lawn.png")
    opened = await ada.use_menu("Imagine from this image", message)
    await ada.wait_filled(await ada.submit(opened, include="a sea"))
    (job,) = await JobQueue(database).waiting()
    assert (job.recipe.size, job.recipe.steps) == ("96x64", 40)


async def test_a_form_that_is_never_submitted_is_not_kept_in_memory(
    bot: ImagineBot, ada: Member, tmp_path: Path
) -> None:
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    message = await ada.say("my lawn", tmp_path / "lawn.png")
    await ada.use_menu("Imagine from this image", message)
    assert not bot._connection._view_store._modals


async def test_an_invalid_weight_in_the_form_is_marked_with_a_caret_and_can_be_corrected(
    bot: ImagineBot, database: Database, ada: Member, tmp_path: Path
) -> None:
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    message = await ada.say("my lawn", tmp_path / "lawn.png")
    opened = await ada.use_menu("Imagine from this image", message)
    await ada.submit(opened, include="a castle | fog:-1", strength="0.8")
    refused = await ephemeral_message(ada, "**Include**: ")
    assert "a castle | fog:-1\n               ^" in refused.content
    opened = await ada.press(refused, refused.buttons[-1].custom_id)
    assert opened.fields["include"] == "a castle | fog:-1"
    await ada.wait_filled(await ada.submit(opened, include="a castle | fog:0.5"))
    (job,) = await JobQueue(database).waiting()
    assert job.recipe.strength == 0.8
    assert job.recipe.initial


async def test_a_message_without_an_image_is_refused(
    bot: ImagineBot, ada: Member, bob: Member
) -> None:
    message = await bob.say("no picture here")
    await ada.use_menu("Imagine from this image", message)
    await ephemeral_message(ada, "There is no image in this message")
    await ada.use_menu("What was this prompt?", message)
    await ephemeral_message(ada, "doesn't show one of my images")


async def test_the_menu_shows_the_prompt_of_an_image(
    bot: ImagineBot, ada: Member, bob: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada, include="a castle | mist:0.5")
    await bob.use_menu("What was this prompt?", message)
    assert "a castle | mist:0.5" in (await ephemeral_message(bob, f"#{job.id}")).text
