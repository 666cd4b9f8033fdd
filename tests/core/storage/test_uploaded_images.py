"""Uploaded images: valid ones are normalised, invalid ones are refused with one sentence."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from core.storage.uploaded_images import (
    MAX_BYTES,
    MAX_SIDE,
    ImageError,
    copy_images,
    decode_image,
    load_image,
    store_image,
)


def _encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _gradient(width: int = 40, height: int = 30) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def _png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose header claims this size, whatever its data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_each_format_is_decoded(kind: str) -> None:
    decoded = decode_image(_encoded(_gradient(), kind))
    assert (decoded.mode, decoded.size) == ("RGB", (40, 30))


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 100, (100, 100, 100)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 100 * 256, (100, 100, 100)),
        ("LA", (0, 0), (255, 255, 255)),  # transparent is white
        ("RGBA", (255, 0, 0, 128), (255, 127, 127)),
        ("P", 0, (0, 0, 0)),
    ],
)
def test_each_mode_becomes_rgb(mode: str, colour: int, expected: tuple[int, ...]) -> None:
    decoded = decode_image(_encoded(Image.new(mode, (8, 8), colour)))
    assert decoded.getpixel((4, 4)) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [((3000, 1500), (1024, 512)), ((1, 5000), (1, 1024)), ((1024, 3), (1024, 3))],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_large_image_is_scaled_down(
    size: tuple[int, int], expected: tuple[int, int], kind: str
) -> None:
    decoded = decode_image(_encoded(Image.new("RGB", size, "red"), kind))
    assert decoded.size == expected


def test_an_image_is_turned_upright_and_loses_its_metadata() -> None:
    """It is turned as its EXIF says; location, camera and colour profile are removed."""
    image = _gradient()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    exif[0x010E] = "my home"
    data = _encoded(image, "JPEG", exif=exif, icc_profile=b"profile", comment=b"secret")
    decoded = decode_image(data)
    assert decoded.size == (30, 40)
    assert decoded.info == {}
    assert not decoded.getexif()
    assert b"my home" not in _encoded(decoded)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_used(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    data = _encoded(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert decode_image(data).getpixel((8, 8)) == (255, 0, 0)


def test_nothing_after_the_first_frame_is_read() -> None:
    frames = [Image.new("L", (8, 8), shade) for shade in range(250)]
    data = _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(data[: len(data) // 2]).getpixel((4, 4)) == (0, 0, 0)


def _decompression_bomb_in_a_text_chunk() -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("note", "x" * 50_000_000, zip=True)
    return _encoded(_gradient(), pnginfo=notes)


def _overwritten() -> bytes:
    data = bytearray(_encoded(_gradient()))
    data[40:60] = b"\0" * 20
    return bytes(data)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: b"", "isn't a PNG"),
        (lambda: b"just text", "isn't a PNG"),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "isn't a PNG"),
        (lambda: _encoded(_gradient(), "BMP"), "isn't a PNG"),
        (lambda: _encoded(_gradient(), "TIFF"), "isn't a PNG"),
        (lambda: _encoded(_gradient(), "PDF"), "isn't a PNG"),
        (lambda: b"\x89PNG\r\n\x1a\n", "can't be read|isn't a PNG"),
        (lambda: _encoded(_gradient(400, 300))[:-200], "can't be read"),
        (lambda: _encoded(_gradient(400, 300), "JPEG")[:2000], "can't be read"),
        (lambda: _encoded(_gradient(400, 300), "WEBP")[:-200], "can't be read|isn't a PNG"),
        (_overwritten, "damaged"),
        (lambda: _png(64, 64), "can't be read"),
        (lambda: _png(10_000, 10_000, b"\0" * 10_000), "too many pixels"),
        (lambda: _png(100_000, 100_000), "too many pixels"),
        (lambda: _png(2**31 - 1, 2**31 - 1), "too many pixels|can't be read"),
        (_decompression_bomb_in_a_text_chunk, "can't be read"),
        (lambda: b"\0" * (MAX_BYTES + 1), r"is 10\.1 MB\. The limit is 10 MB"),
        (lambda: b"\0" * (11 * 2**20), r"is 11 MB\. The limit is 10 MB"),
    ],
)
def test_an_invalid_file_is_refused(make: Callable[[], bytes], sentence: str) -> None:
    with pytest.raises(ImageError, match=rf"^[A-Z].*({sentence}).*\.$"):
        decode_image(make())


VALID_FILES = [_encoded(_gradient(), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF")]


@given(st.sampled_from(VALID_FILES), st.data())
def test_any_damaged_file_is_decoded_or_refused(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 5))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        decoded = decode_image(bytes(damaged))
    except ImageError:
        return
    assert decoded.mode == "RGB"
    assert max(decoded.size) <= MAX_SIDE


def test_an_initial_image_is_stored_under_its_checksum(tmp_path: Path) -> None:
    name = store_image(_gradient(), tmp_path)
    assert store_image(_gradient(), tmp_path) == name
    assert [path.name for path in (tmp_path / "initial").iterdir()] == [f"{name}.png"]
    assert load_image(name, tmp_path).tobytes() == _gradient().tobytes()


def test_a_lost_or_damaged_initial_image_must_be_uploaded_again(tmp_path: Path) -> None:
    name = store_image(_gradient(), tmp_path)
    (tmp_path / "initial" / f"{name}.png").write_bytes(_encoded(Image.new("RGB", (8, 8))))
    with pytest.raises(ImageError, match="upload it again"):
        load_image(name, tmp_path)
    with pytest.raises(ImageError, match="upload it again"):
        load_image("0" * 64, tmp_path)


def test_images_are_copied_from_the_first_folder_with_an_intact_file(tmp_path: Path) -> None:
    here, other, intact = tmp_path / "here", tmp_path / "beside", tmp_path / "far"
    name = store_image(_gradient(), intact)
    for folder in (here, other):
        (folder / "initial").mkdir(parents=True)
        (folder / "initial" / f"{name}.png").write_bytes(b"damaged")
    copy_images([name, "0" * 64], [other, intact], here)
    assert load_image(name, here).tobytes() == _gradient().tobytes()
    assert not (here / "initial" / f"{'0' * 64}.png").exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "0" * 63, "0" * 64 + "/x", "A" * 64, ""])
def test_a_path_is_not_accepted_as_a_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="isn't the name"):
        load_image(name, tmp_path)


def test_an_image_that_cannot_be_written_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.storage.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store_image(_gradient(), tmp_path)
    assert list((tmp_path / "initial").iterdir()) == []
