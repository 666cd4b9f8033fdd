"""A job's details, also when its files are damaged or lack metadata."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.client import ImagineBot
from core.settings import Settings
from core.storage.paths import finished_images, folder_of
from sandbox import Member, MessageView, Sandbox
from tests.bot.conftest import ephemeral_message, press_button


def with_text(**chunks: str) -> Callable[[Path], None]:
    """Writes a PNG with these text chunks."""

    def write(path: Path) -> None:
        metadata = PngInfo()
        for key, value in chunks.items():
            metadata.add_itxt(key, value)
        Image.new("RGB", (8, 8)).save(path, pnginfo=metadata)

    return write


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no metadata": with_text(),
    "no versions": with_text(model="sketch"),
    "versions cut short": with_text(model="sketch", versions='{"torch": "2.'),
    "versions that are a list": with_text(model="sketch", versions='["torch"]'),
    "scores that are a list": with_text(model="sketch", scores="[1]"),
    "a PNG cut short": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "no PNG": lambda path: path.write_bytes(b"not an image"),
    "an empty file": lambda path: path.write_bytes(b""),
}


def field(message: MessageView, name: str) -> str | None:
    """The value of this field in the details."""
    found = re.search(rf"\*\*{name}\*\* (.+?)(?: · |$)", message.text, re.MULTILINE)
    return found[1] if found else None


async def test_details_name_the_model_and_the_versions(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada)
    await press_button(sandbox, ada, message, f"details:{job.id}")
    details = await ephemeral_message(ada, "Made with")
    assert field(details, "Made with") == "sketch (torch 2.15)"


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_unreadable_metadata_removes_at_most_one_line_from_the_details(
    bot: ImagineBot,
    sandbox: Sandbox,
    ada: Member,
    settings: Settings,
    rendered_job: Any,
    damage: Callable[[Path], None],
) -> None:
    job, message = await rendered_job(ada)
    (path,) = finished_images(folder_of(job.id, settings.data_dir))
    damage(path)
    await press_button(sandbox, ada, message, f"details:{job.id}")
    details = await ephemeral_message(ada, "a red circle")
    assert field(details, "Made with") in (None, "sketch")
    assert field(details, "Seed") == "7"
    await ada.slash("show", job=job.id)
    shown = await ada.wait_for(lambda each: bool(each.files))
    assert field(shown, "Seed") == "7"


async def test_details_name_tile_symmetry_and_palette_and_show_repeats_the_tiles(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, settings: Settings, rendered_job: Any
) -> None:
    look = {"tile": "both", "symmetry": "left-right", "palette": "navy gold"}
    job, message = await rendered_job(ada, count=2, **look)
    folder = folder_of(job.id, settings.data_dir)
    for row in range(2):
        Image.new("RGB", (16, 16)).save(folder / f"repeated-{row}.webp")
    await press_button(sandbox, ada, message, f"details:{job.id}")
    details = await ephemeral_message(ada, "Made with")
    found = [field(details, name) for name in ("Pattern", "Symmetry", "Palette")]
    assert found == ["seamless", "mirrored left to right", "#000080 #ffd700"]
    await press_button(sandbox, ada, message, f"pick:{job.id}:1")
    picked = await ephemeral_message(ada, "image 2")
    repeats = [f"imagine-{job.id}-{row}-repeated.webp" for row in (1, 2)]
    assert {file.filename for file in picked.files} == {f"imagine-{job.id}-2.png", repeats[1]}
    await ada.slash("show", job=job.id)
    shown = await ada.wait_for(lambda each: len(each.files) >= 4)
    assert {file.filename for file in shown.files} >= set(repeats)
