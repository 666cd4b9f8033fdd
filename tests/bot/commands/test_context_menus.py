"""The menus of messages."""

from pathlib import Path
from typing import Any

from PIL import Image

from bot.client import ImagineBot
from core.database.jobs import Store
from core.settings import Settings
from sandbox import Member
from tests.bot.conftest import told


async def test_a_picture_of_anybody_is_painted_from(
    bot: ImagineBot, store: Store, settings: Settings, ada: Member, bob: Member, tmp_path: Path
) -> None:
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    said = await bob.say("my lawn", tmp_path / "lawn.png")
    opened = await ada.use_menu("Imagine from this picture", said)
    assert opened.fields == {"include": "", "exclude": "", "strength": "0.5"}
    await ada.wait_filled(await ada.submit(opened, include="a sea", strength="0,8"))
    (job,) = await store.waiting()
    assert (job.member_id, job.recipe.title, job.recipe.strength) == (ada.id, "a sea", 0.8)
    assert (settings.data_dir / "initial" / f"{job.recipe.initial}.png").exists()


async def test_a_message_without_a_picture(bot: ImagineBot, ada: Member, bob: Member) -> None:
    said = await bob.say("no picture here")
    await ada.use_menu("Imagine from this picture", said)
    await told(ada, "There is no picture in this message")
    await ada.use_menu("What was this prompt?", said)
    await told(ada, "shows none of my pictures")


async def test_what_a_picture_was_asked_for_with(
    bot: ImagineBot, ada: Member, bob: Member, painted: Any
) -> None:
    job, card = await painted(ada, include="a castle | fog:0.5")
    await bob.use_menu("What was this prompt?", card)
    assert "a castle | fog:0.5" in (await told(bob, f"#{job.id}")).text
