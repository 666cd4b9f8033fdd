"""Forged presses and forms neither reach nor reveal other members' jobs."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from PIL import Image

from bot.client import ImagineBot
from bot.services.signing import LENGTH, sign, verify
from core.database.connection import Database
from core.database.provenance import UploadedImages
from core.settings import Settings
from core.storage.uploaded_images import store_image
from sandbox import Member, Sandbox
from tests.bot.conftest import ephemeral_message
from tests.bot.forging import FORGERIES, forgery_scene


def test_no_forgery_does_harm() -> None:
    with asyncio.Runner() as runner:
        entered = forgery_scene()
        scene = runner.run(entered.__aenter__())

        @hypothesis_settings(
            max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(FORGERIES)
        @example(("press", "page:history:0:\ud800", {}))
        @example(("form", "report:1", {"reason": "\ud800"}))
        @example(("form", "edit:1", {"include": "a"}))
        def forge(forgery: tuple[str, str, dict[str, str]]) -> None:
            runner.run(scene.forge(*forgery))

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
async def test_a_button_that_is_not_on_the_message_cannot_be_pressed(custom_id: str) -> None:
    """Otherwise anyone could open a list that is for moderators only."""
    async with forgery_scene() as scene:
        before = [each.raw for each in await scene.mallory.messages()]
        await scene.press(custom_id.format(mallory=scene.mallory.id), exists=False)
        assert [each.raw for each in await scene.mallory.messages()] == before
        await scene.assert_no_harm()


async def test_knowing_the_name_of_an_image_does_not_allow_its_use() -> None:
    """A PNG contains the name of its initial image; the name alone must not give access to it."""
    async with forgery_scene() as scene:
        name = store_image(Image.new("RGB", (9, 9), "red"), scene.settings.data_dir)
        fields = {"include": "a sea", "exclude": "", "strength": "1"}
        for forged in ("A" * LENGTH, sign(name, scene.victims[0].member_id, scene.settings)):
            await scene.forge("form", f"picture:{name}:{forged}", fields)
            assert await scene.bot.jobs.get(5) is None
        signed = f"picture:{name}:{sign(name, scene.mallory.id, scene.settings)}"
        await scene.forge("form", signed, fields)
        assert await scene.bot.jobs.get(5) is None  # the upload still belongs to someone else
        await UploadedImages(scene.bot.database).add(
            name, scene.mallory.id, age_restricted=False, spoilered=False
        )
        await scene.forge("form", signed, fields)
        job = await scene.bot.jobs.get(5)
        assert job
        assert job.recipe.initial == name


def test_a_signature_is_valid_for_one_image_one_member_and_one_bot(settings: Settings) -> None:
    signature = sign("0" * 64, 7, settings)
    other = Settings(discord_token="another.one.of-them")
    assert len(signature) == LENGTH
    assert verify("0" * 64, signature, 7, settings)
    assert not verify("1" * 64, signature, 7, settings)
    assert not verify("0" * 64, signature, 8, settings)
    assert not verify("0" * 64, signature, 7, other)


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
    await ephemeral_message(ada, "You've been blocked")
    assert not (settings.data_dir / "initial").exists()


async def test_a_failure_shows_the_member_no_path(
    bot: ImagineBot, settings: Settings, ada: Member, tmp_path: Path
) -> None:
    """Images can't be stored: the log has the path, the member gets only an incident number."""
    Image.new("RGB", (30, 20), "green").save(tmp_path / "lawn.png")
    settings.data_dir.mkdir(exist_ok=True)
    (settings.data_dir / "initial").write_text("in the way")
    await ada.slash("imagine", include="a sea", image=tmp_path / "lawn.png")
    shown = await ephemeral_message(ada, "Incident")
    assert str(tmp_path) not in json.dumps(shown.raw)
    assert "/" not in shown.text
