"""A hostile picture costs one refusal, never the bot."""

import asyncio
import io
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from bot.services import image_decoder
from bot.services.image_decoder import read_apart
from core.i18n import speaking
from core.storage.uploaded_images import ImageError
from tests.hostile_files import jpeg_of_scans


def _png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(buffer, "PNG")
    return buffer.getvalue()


async def test_a_good_picture_comes_back_as_its_pixels() -> None:
    picture = await read_apart(_png("teal"))
    assert (picture.mode, picture.size) == ("RGB", (30, 20))
    assert picture.getpixel((9, 9)) == (0, 128, 128)


async def test_a_child_that_has_ended_is_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be reaped before asyncio's watcher does, which then warns of an unknown child."""
    killed: list[object] = []
    monkeypatch.setattr(asyncio.subprocess.Process, "kill", killed.append)
    await read_apart(_png("teal"))
    with pytest.raises(ImageError):
        await read_apart(b"no picture")
    assert killed == []


async def test_what_is_refused_there_is_told_here_in_the_members_language() -> None:
    with speaking("de"), pytest.raises(ImageError, match="Anhang ist kein PNG"):
        await read_apart(b"no picture")
    with pytest.raises(ImageError, match="not a PNG"):
        await read_apart(b"no picture")


async def test_a_picture_that_takes_for_ever_is_given_up() -> None:
    """Without a limit it would be minutes; a short one of the same kind is a good picture."""
    assert (await read_apart(jpeg_of_scans(6320, 5_000))).size == (1024, 1024)
    with pytest.raises(ImageError, match="broken"):
        await read_apart(jpeg_of_scans(6320, 5_000_000), cpu_seconds=1)


@pytest.mark.parametrize(
    "behaviour",
    [
        "import os; os.abort()",
        "import sys; sys.stdout.write('+')",
        "import sys; sys.stdout.buffer.write(b'+' + bytes(5000))",
        "import sys\nwhile True: sys.stdout.buffer.write(bytes(2**20))",
    ],
    ids=["crashes", "says nothing", "lies about its size", "never stops talking"],
)
async def test_a_reader_that_was_taken_over_is_not_believed(
    behaviour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impostor = tmp_path / "python"
    impostor.write_text(f"#!{sys.executable}\n{behaviour}\n")
    impostor.chmod(0o755)
    monkeypatch.setattr(image_decoder.sys, "executable", str(impostor))
    with pytest.raises(ImageError, match="broken"):
        await read_apart(_png("red"))


async def test_the_reader_knows_no_secret_and_dies_with_whom_it_reads_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    impostor = tmp_path / "python"
    impostor.write_text(
        f"#!/bin/sh\nenv > {told}.part\necho $$ >> {told}.part\nmv {told}.part {told}\n"
        "exec sleep 60\n"
    )
    impostor.chmod(0o755)
    monkeypatch.setattr(image_decoder.sys, "executable", str(impostor))
    monkeypatch.setenv("DISCORD_TOKEN", "MTA.very.secret")
    waiting = asyncio.create_task(read_apart(_png("red")))
    while not told.exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert "secret" not in told.read_text()
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text().split()[-1]), 0)
