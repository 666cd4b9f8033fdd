"""Pictures from outside: good ones are made plain, bad ones end in one sentence."""

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


def _file(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _gradient(width: int = 40, height: int = 30) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def _png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that claims a size, whatever it holds."""

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
def test_each_kind_is_read(kind: str) -> None:
    picture = decode_image(_file(_gradient(), kind))
    assert (picture.mode, picture.size) == ("RGB", (40, 30))


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
    picture = decode_image(_file(Image.new(mode, (8, 8), colour)))
    assert picture.getpixel((4, 4)) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [((3000, 1500), (1024, 512)), ((1, 5000), (1, 1024)), ((1024, 3), (1024, 3))],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_large_image_is_made_smaller(
    size: tuple[int, int], expected: tuple[int, int], kind: str
) -> None:
    picture = decode_image(_file(Image.new("RGB", size, "red"), kind))
    assert picture.size == expected


def test_an_image_is_upright_and_tells_nothing_else() -> None:
    """Turned as its EXIF says; place, camera and profile are gone."""
    image = _gradient()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    exif[0x010E] = "my home"
    data = _file(image, "JPEG", exif=exif, icc_profile=b"profile", comment=b"secret")
    picture = decode_image(data)
    assert picture.size == (30, 40)
    assert picture.info == {}
    assert not picture.getexif()
    assert b"my home" not in _file(picture)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_a_moving_image_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    data = _file(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert decode_image(data).getpixel((8, 8)) == (255, 0, 0)


def test_what_follows_the_first_frame_is_never_looked_at() -> None:
    frames = [Image.new("L", (8, 8), shade) for shade in range(250)]
    data = _file(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(data[: len(data) // 2]).getpixel((4, 4)) == (0, 0, 0)


def _bomb_in_a_text() -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("note", "x" * 50_000_000, zip=True)
    return _file(_gradient(), pnginfo=notes)


def _overwritten() -> bytes:
    data = bytearray(_file(_gradient()))
    data[40:60] = b"\0" * 20
    return bytes(data)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: b"", "isn't a PNG"),
        (lambda: b"just text", "isn't a PNG"),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "isn't a PNG"),
        (lambda: _file(_gradient(), "BMP"), "isn't a PNG"),
        (lambda: _file(_gradient(), "TIFF"), "isn't a PNG"),
        (lambda: _file(_gradient(), "PDF"), "isn't a PNG"),
        (lambda: b"\x89PNG\r\n\x1a\n", "can't be read|isn't a PNG"),
        (lambda: _file(_gradient(400, 300))[:-200], "can't be read"),
        (lambda: _file(_gradient(400, 300), "JPEG")[:2000], "can't be read"),
        (lambda: _file(_gradient(400, 300), "WEBP")[:-200], "can't be read|isn't a PNG"),
        (_overwritten, "damaged"),
        (lambda: _png(64, 64), "can't be read"),
        (lambda: _png(10_000, 10_000, b"\0" * 10_000), "too many pixels"),
        (lambda: _png(100_000, 100_000), "too many pixels"),
        (lambda: _png(2**31 - 1, 2**31 - 1), "too many pixels|can't be read"),
        (_bomb_in_a_text, "can't be read"),
        (lambda: b"\0" * (MAX_BYTES + 1), r"is 10\.1 MB\. The limit is 10 MB"),
        (lambda: b"\0" * (11 * 2**20), r"is 11 MB\. The limit is 10 MB"),
    ],
)
def test_what_is_refused(make: Callable[[], bytes], sentence: str) -> None:
    with pytest.raises(ImageError, match=rf"^[A-Z].*({sentence}).*\.$"):
        decode_image(make())


SEEDS = [_file(_gradient(), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF")]


@given(st.sampled_from(SEEDS), st.data())
def test_any_damage_is_read_or_refused(data: bytes, draw: st.DataObject) -> None:
    broken = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 5))):
        broken[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        picture = decode_image(bytes(broken))
    except ImageError:
        return
    assert picture.mode == "RGB"
    assert max(picture.size) <= MAX_SIDE


def test_an_initial_image_is_kept_by_its_checksum(tmp_path: Path) -> None:
    name = store_image(_gradient(), tmp_path)
    assert store_image(_gradient(), tmp_path) == name
    assert [path.name for path in (tmp_path / "initial").iterdir()] == [f"{name}.png"]
    assert load_image(name, tmp_path).tobytes() == _gradient().tobytes()


def test_a_lost_or_damaged_initial_image_is_asked_for_again(tmp_path: Path) -> None:
    name = store_image(_gradient(), tmp_path)
    (tmp_path / "initial" / f"{name}.png").write_bytes(_file(Image.new("RGB", (8, 8))))
    with pytest.raises(ImageError, match="upload it again"):
        load_image(name, tmp_path)
    with pytest.raises(ImageError, match="upload it again"):
        load_image("0" * 64, tmp_path)


def test_stored_images_are_gathered_from_where_they_are_whole(tmp_path: Path) -> None:
    here, beside, far = tmp_path / "here", tmp_path / "beside", tmp_path / "far"
    name = store_image(_gradient(), far)
    for damaged in (here, beside):
        (damaged / "initial").mkdir(parents=True)
        (damaged / "initial" / f"{name}.png").write_bytes(b"damaged")
    copy_images([name, "0" * 64], [beside, far], here)
    assert load_image(name, here).tobytes() == _gradient().tobytes()
    assert not (here / "initial" / f"{'0' * 64}.png").exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "0" * 63, "0" * 64 + "/x", "A" * 64, ""])
def test_a_name_is_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="isn't the name"):
        load_image(name, tmp_path)


def test_an_image_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.storage.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store_image(_gradient(), tmp_path)
    assert list((tmp_path / "initial").iterdir()) == []
