"""A hostile image costs one rejected file, never the bot."""

import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bot.services import image_decoder
from bot.services.image_decoder import decode_isolated
from core.i18n import use_locale
from core.storage.uploaded_images import ImageRejectedError
from tests.hostile_files import jpeg_of_scans

pytestmark = pytest.mark.slow


def _png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(buffer, "PNG")
    return buffer.getvalue()


async def test_a_valid_image_is_returned_as_pixels() -> None:
    image = await decode_isolated(_png("teal"))
    assert (image.mode, image.size) == ("RGB", (30, 20))
    assert image.getpixel((9, 9)) == (0, 128, 128)


async def test_a_child_that_has_ended_is_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killing it would also reap it, and asyncio's watcher would warn of an unknown child."""
    killed: list[object] = []
    monkeypatch.setattr(asyncio.subprocess.Process, "kill", killed.append)
    await decode_isolated(_png("teal"))
    with pytest.raises(ImageRejectedError):
        await decode_isolated(b"no picture")
    assert killed == []


async def test_a_rejection_is_rendered_in_the_current_language() -> None:
    with use_locale("de"), pytest.raises(ImageRejectedError, match="keine PNG"):
        await decode_isolated(b"no picture")
    with pytest.raises(ImageRejectedError, match="isn't a PNG"):
        await decode_isolated(b"no picture")


async def test_an_image_that_takes_too_long_is_rejected() -> None:
    """Without a limit it would take minutes; a shorter file of the same kind is accepted."""
    assert (await decode_isolated(jpeg_of_scans(6320, 5_000))).size == (1024, 1024)
    with pytest.raises(ImageRejectedError, match="damaged"):
        await decode_isolated(jpeg_of_scans(6320, 5_000_000), cpu_seconds=1)


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
async def test_the_output_of_a_compromised_decoder_is_rejected(
    behaviour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python = tmp_path / "python"
    fake_python.write_text(f"#!{sys.executable}\n{behaviour}\n")
    fake_python.chmod(0o755)
    monkeypatch.setattr(image_decoder.sys, "executable", str(fake_python))
    with pytest.raises(ImageRejectedError, match="damaged"):
        await decode_isolated(_png("red"))


@pytest.mark.parametrize(
    "image",
    [
        *(pytest.param((mode, "PNG"), id=f"PNG {mode}") for mode in ("1", "L", "LA", "P", "I;16")),
        *(pytest.param((mode, "JPEG"), id=f"JPEG {mode}") for mode in ("L", "RGB", "CMYK")),
        *(pytest.param((mode, "WEBP"), id=f"WebP {mode}") for mode in ("RGB", "RGBA")),
        *(pytest.param((mode, "GIF"), id=f"GIF {mode}") for mode in ("L", "P", "RGBA")),
    ],
)
async def test_every_format_is_decoded_without_opening_another_file(image: tuple[str, str]) -> None:
    """Pillow imports some modules only when a file needs them, which the confined child can't."""
    mode, name = image
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # rotated by a quarter
    Image.new(mode, (30, 20)).save(buffer, name, **({} if name == "GIF" else {"exif": exif}))
    decoded = await decode_isolated(buffer.getvalue())
    assert decoded.size == ((30, 20) if name == "GIF" else (20, 30))


def test_the_confined_child_can_open_nothing() -> None:
    """Not even as root: a compromised decoder reaches no file, no network and no other process."""
    attempts = {
        "a file": "open('/etc/hostname')",
        "the network": "socket.socket()",
        "another environment": "open(f'/proc/{os.getppid()}/environ')",
        "a pipe": "os.pipe()",
    }
    code = (
        "import os, socket\nfrom bot.services.image_decoder import confine\n"
        "confine(cpu_seconds=3)\n"
        f"for name, attempt in {attempts!r}.items():\n"
        "    try: eval(attempt)\n"
        "    except OSError as error: print(name, error.errno == 24)\n"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert child.stdout.splitlines() == [f"{name} True" for name in attempts], child.stderr


async def test_an_image_that_needs_too_much_memory_is_rejected() -> None:
    """Forty megapixels fit in every format; the limit stops files that need more."""
    buffer = io.BytesIO()
    Image.new("RGBA", (6320, 6320), (1, 2, 3, 9)).save(buffer, "WEBP", lossless=True)
    assert (await decode_isolated(buffer.getvalue(), cpu_seconds=30)).size == (1024, 1024)
    limits = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))"
    code = f"{limits}\nimport sys\nsys.argv.append('9')\nfrom bot.services import image_decoder\n"
    code += "image_decoder.MEMORY = 2**29\nimage_decoder.main()"
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    answer, _ = await child.communicate(buffer.getvalue())
    assert answer == b"-unreadable"


async def test_the_decoder_inherits_no_secrets_and_is_killed_when_its_caller_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "environment"
    fake_python = tmp_path / "python"
    fake_python.write_text(
        "#!/bin/sh\n"
        f"env > {environment}.part\n"
        f"echo $$ >> {environment}.part\n"
        f"mv {environment}.part {environment}\n"
        "exec sleep 60\n"
    )
    fake_python.chmod(0o755)
    monkeypatch.setattr(image_decoder.sys, "executable", str(fake_python))
    monkeypatch.setenv("DISCORD_TOKEN", "MTA.very.secret")
    decoding = asyncio.create_task(decode_isolated(_png("red")))
    while not environment.exists():  # noqa: ASYNC110 - another process creates it
        await asyncio.sleep(0.01)
    decoding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await decoding
    assert "secret" not in environment.read_text()
    with pytest.raises(ProcessLookupError):
        os.kill(int(environment.read_text().split()[-1]), 0)
