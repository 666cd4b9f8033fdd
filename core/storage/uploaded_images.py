"""Pictures from outside, read defensively, and kept by their checksum for recipes that need them.

Everything here is blocking work: call it through `asyncio.to_thread`.
"""

import hashlib
import io
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from core.i18n import mark, say

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_SIDE = 1024  #: larger pictures are made smaller

BROKEN = mark("The picture is broken and cannot be read.")

_NAME = re.compile(r"[0-9a-f]{64}")


class PictureRefused(ValueError):  # noqa: N818 - it is the answer, not a fault
    """A picture that is not taken; `str(error)` is one sentence for the asker."""


def read_outside_picture(data: bytes) -> Image.Image:
    """The picture in `data`: RGB, upright, longest side at most 1024, and no metadata.

    Takes PNG, JPEG, WebP and GIF (the first frame of a moving picture). Nothing is decoded
    before its size is known to be harmless. What is transparent becomes white. Raises
    PictureRefused.
    """
    if len(data) > MAX_BYTES:
        raise PictureRefused(
            say(
                "The picture has {size} MB; {most} MB is the most.",
                size=f"{len(data) / 2**20:.0f}",
                most=MAX_BYTES // 2**20,
            )
        )
    try:
        with _opened(data) as image:
            _refuse_bomb(image)
            return _plain(image)
    except PictureRefused:
        raise
    except Image.DecompressionBombError:
        raise PictureRefused(_too_many_pixels()) from None
    except Exception as error:  # a hostile file may raise anything in a decoder
        raise PictureRefused(say(BROKEN)) from error


def store_initial(image: Image.Image, data_dir: Path) -> str:
    """Keeps an RGB picture as `data_dir/initial/<sha256>.png`; returns that checksum.

    The file appears whole or not at all. Raises OSError if it cannot be written.
    """
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    name = hashlib.sha256(buffer.getvalue()).hexdigest()
    if _stored(name, data_dir) is None:
        _write_whole(_initial_path(name, data_dir), buffer.getvalue())
    else:
        os.utime(_initial_path(name, data_dir))  # it is asked for anew: it must not go just now
    return name


def load_initial(name: str, data_dir: Path) -> Image.Image:
    """The picture that `store_initial` called `name`. Raises PictureRefused if it is gone."""
    data = _stored(name, data_dir)
    if data is None:
        raise PictureRefused(
            say("A picture that this needs is no longer there: please attach it once more.")
        )
    return read_outside_picture(data)


def forget_initial(name: str, data_dir: Path) -> None:
    """Deletes a stored picture; one that is gone already is not missed. Raises OSError."""
    _initial_path(name, data_dir).unlink(missing_ok=True)


def gather_initial(names: Iterable[str], places: Sequence[Path], data_dir: Path) -> None:
    """Copies those that `data_dir` lacks from the first of the places that has them.

    What none has is left to `load_initial` to miss. Raises PictureRefused, OSError.
    """
    for name in names:
        if _stored(name, data_dir) is None:
            data = next(filter(None, (_stored(name, place) for place in places)), None)
            if data is not None:
                _write_whole(_initial_path(name, data_dir), data)


def _stored(name: str, data_dir: Path) -> bytes | None:
    """The bytes of a stored picture; None if they are missing or damaged."""
    path = _initial_path(name, data_dir)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == name else None


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise PictureRefused(
            say("The attachment is not a PNG, JPEG, WebP or GIF picture, or it is broken.")
        ) from None


def _refuse_bomb(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise PictureRefused(_too_many_pixels())


def _too_many_pixels() -> str:
    return say(
        "The picture has too many pixels; {most} million is the most.",
        most=MAX_PIXELS // 1_000_000,
    )


def _plain(image: Image.Image) -> Image.Image:
    """Only the pixels of the first frame, upright, on white, not larger than MAX_SIDE."""
    image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # a large JPEG is decoded smaller
    if image.mode.startswith("I"):  # 16 bits of grey
        image = image.point(lambda value: value / 256).convert("L")
    ImageOps.exif_transpose(image, in_place=True)
    colours = image.convert("RGBA" if image.has_transparency_data else "RGB")
    colours.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    plain = Image.new("RGB", colours.size, "white")
    plain.paste(colours, mask=colours if colours.mode == "RGBA" else None)
    return plain


def _initial_path(name: str, data_dir: Path) -> Path:
    if not _NAME.fullmatch(name):
        raise PictureRefused(say("That is not the name of an initial picture."))
    return data_dir / "initial" / f"{name}.png"


def _write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
