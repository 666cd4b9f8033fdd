"""Forged presses and forms reach nobody else's jobs, and tell nothing of them."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from PIL import Image

from bot.client import ImagineBot
from bot.services.signing import LENGTH, sign, verify
from core.database.connection import Database
from core.database.provenance import UploadedImages
from core.settings import Settings
from core.storage.uploaded_images import store_image
from sandbox import Member, Sandbox
from tests.bot.conftest import private_message
from tests.bot.forging import FORGERIES, scene


def test_any_forgery_is_held_to_the_law() -> None:
    with asyncio.Runner() as runner:
        entered = scene()
        at = runner.run(entered.__aenter__())

        @examples(
            max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(FORGERIES)
        @example(("press", "page:history:0:\ud800", {}))
        @example(("form", "report:1", {"reason": "\ud800"}))
        @example(("form", "edit:1", {"include": "a"}))
        def forge(forgery: tuple[str, str, dict[str, str]]) -> None:
            runner.run(at.forge(*forgery))

        try:
            forge()
        finally:
            runner.run(entered.__aexit__(None, None, None))


@pytest.mark.parametrize(
    "custom_id",
    [
        "imagine:page:modqueue:0:",
        "imagine:page:log:0:",
        "imagine:page:blocked:0:",
        "imagine:page:limits:0:",
        "imagine:clear:{mallory}:0:0",
        "imagine:report:1:delete",
    ],
)
async def test_a_button_that_is_not_on_the_message_is_not_pressed(custom_id: str) -> None:
    """Whatever is forged: a list for moderators only would otherwise be anybody's."""
    async with scene() as at:
        before = [each.raw for each in await at.mallory.messages()]
        await at.press(custom_id.format(mallory=at.mallory.id), drawn=False)
        assert [each.raw for each in await at.mallory.messages()] == before
        await at.hold_to_the_law()


async def test_knowing_the_name_of_an_image_does_not_allow_its_use() -> None:
    """A PNG tells the name of what it was painted from: that alone gives nobody a look at it."""
    async with scene() as at:
        name = store_image(Image.new("RGB", (9, 9), "red"), at.settings.data_dir)
        fields = {"include": "a sea", "exclude": "", "strength": "1"}
        for forged in ("A" * LENGTH, sign(name, at.victims[0].member_id, at.settings)):
            await at.forge("form", f"picture:{name}:{forged}", fields)
            assert await at.bot.jobs.get(5) is None
        sealed = f"picture:{name}:{sign(name, at.mallory.id, at.settings)}"
        await at.forge("form", sealed, fields)
        assert await at.bot.jobs.get(5) is None  # the upload is still somebody else's
        await UploadedImages(at.bot.database).add(
            name, at.mallory.id, age_restricted=False, spoilered=False
        )
        await at.forge("form", sealed, fields)
        job = await at.bot.jobs.get(5)
        assert job
        assert job.recipe.initial == name


def test_a_signature_is_valid_for_one_image_one_member_and_one_bot(settings: Settings) -> None:
    given = sign("0" * 64, 7, settings)
    other = Settings(discord_token="another.one.of-them")
    assert len(given) == LENGTH
    assert verify("0" * 64, given, 7, settings)
    assert not verify("1" * 64, given, 7, settings)
    assert not verify("0" * 64, given, 8, settings)
    assert not verify("0" * 64, given, 7, other)


async def test_a_refused_request_leaves_no_image_on_the_disk(
    bot: ImagineBot,
    database: Database,
    settings: Settings,
    ada: Member,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    await bot.blocks.block(sandbox.guild.id, ada.id, actor_id=1, reason=None, until=None)
    await ada.slash("imagine", include="a sea", image=tmp_path / "lawn.png")
    await private_message(ada, "You've been blocked")
    assert not (settings.data_dir / "initial").exists()


async def test_a_failure_tells_a_member_no_path(
    bot: ImagineBot, settings: Settings, ada: Member, tmp_path: Path
) -> None:
    """Pictures cannot be kept: the host reads where, in the log; the member reads a number."""
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    settings.data_dir.mkdir(exist_ok=True)
    (settings.data_dir / "initial").write_text("in the way")
    await ada.slash("imagine", include="a sea", image=tmp_path / "lawn.png")
    shown = await private_message(ada, "Incident")
    assert str(tmp_path) not in json.dumps(shown.raw)
    assert "/" not in shown.text
