"""Images from members: decoded defensively, and stored by their checksum, which recipes use.

Everything here blocks: call it through `asyncio.to_thread`.
"""

import hashlib
import io
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from core.i18n import gettext, gettext_noop
from core.storage.files import write_atomic

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_SIDE = 1024  #: larger images are scaled down

_NAME = re.compile(r"[0-9a-f]{64}")


class RejectionReason(StrEnum):
    """Why an image is rejected."""

    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    WRONG_FORMAT = "wrong_format"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    INVALID_NAME = "invalid_name"


_SENTENCES = {
    RejectionReason.TOO_LARGE: gettext_noop("That image is {size} MB. The limit is {limit} MB."),
    RejectionReason.TOO_MANY_PIXELS: gettext_noop(
        "That image has too many pixels. The limit is {limit} million."
    ),
    RejectionReason.WRONG_FORMAT: gettext_noop(
        "That file isn't a PNG, JPEG, WebP or GIF image, or it's damaged."
    ),
    RejectionReason.UNREADABLE: gettext_noop("That image is damaged and can't be read."),
    RejectionReason.MISSING: gettext_noop(
        "An image that this needs no longer exists. Please upload it again."
    ),
    RejectionReason.INVALID_NAME: gettext_noop("That isn't the name of an uploaded image."),
}
_LIMITS = {
    RejectionReason.TOO_LARGE: MAX_BYTES // 2**20,
    RejectionReason.TOO_MANY_PIXELS: MAX_PIXELS // 1_000_000,
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an image is rejected, as data; `str()` is a sentence in the current language."""

    reason: RejectionReason
    size: float = 0.0
    """The size of the file in MB, for TOO_LARGE."""

    def __str__(self) -> str:
        limit = _LIMITS.get(self.reason)
        return gettext(_SENTENCES[self.reason], size=f"{self.size:g}", limit=limit)


class ImageError(ValueError):
    """An image that can't be used; `str(error)` is one sentence."""


class ImageRejectedError(ImageError):
    """A member's image that is rejected; `str(error)` says why, in the current language."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection)
        self.rejection = rejection


def check_size(size: int) -> None:
    """Raises ImageRejectedError for a file of more than MAX_BYTES bytes.

    The size in its message is rounded up to a tenth, so that it is always above the limit.
    """
    if size > MAX_BYTES:
        raise ImageRejectedError(
            Rejection(RejectionReason.TOO_LARGE, math.ceil(10 * size / 2**20) / 10)
        )


def decode_image(data: bytes) -> Image.Image:
    """Decodes an untrusted file to RGB: upright, at most MAX_SIDE pixels a side, no metadata.

    Accepts PNG, JPEG, WebP and GIF (of an animation, the first frame). Pixels are decoded only once
    the header shows that there are not too many. Transparent areas become white. Raises
    ImageRejectedError.
    """
    check_size(len(data))
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageRejectedError(Rejection(RejectionReason.TOO_MANY_PIXELS))
            return _plain(image)
    except ImageRejectedError:
        raise
    except UnidentifiedImageError:
        raise ImageRejectedError(Rejection(RejectionReason.WRONG_FORMAT)) from None
    except Image.DecompressionBombError:
        raise ImageRejectedError(Rejection(RejectionReason.TOO_MANY_PIXELS)) from None
    except Exception as error:  # a hostile file may raise anything in a decoder
        raise ImageRejectedError(Rejection(RejectionReason.UNREADABLE)) from error


def store_image(image: Image.Image, data_dir: Path) -> str:
    """Stores an RGB image as `data_dir/initial/<sha256>.png`; returns that checksum.

    The file is written atomically. Raises OSError.
    """
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    name = hashlib.sha256(buffer.getvalue()).hexdigest()
    if _stored(name, data_dir) is None:
        write_atomic(_initial_path(name, data_dir), buffer.getvalue())
    else:
        os.utime(_initial_path(name, data_dir))  # requested again: retention must not delete it now
    return name


def load_image(name: str, data_dir: Path) -> Image.Image:
    """Loads the image that `store_image` named. Raises ImageRejectedError if it is missing."""
    data = _stored(name, data_dir)
    if data is None:
        raise ImageRejectedError(Rejection(RejectionReason.MISSING))
    return decode_image(data)


def delete_image(name: str, data_dir: Path) -> None:
    """Deletes a stored image if it exists. Raises OSError."""
    _initial_path(name, data_dir).unlink(missing_ok=True)


def copy_images(names: Iterable[str], folders: Sequence[Path], data_dir: Path) -> None:
    """Copies images that `data_dir` lacks from the first of the folders that has them.

    Skips images that none of them has; `load_image` reports those. Raises ImageRejectedError,
    OSError.
    """
    for name in names:
        if _stored(name, data_dir) is None:
            data = next(filter(None, (_stored(name, folder) for folder in folders)), None)
            if data is not None:
                write_atomic(_initial_path(name, data_dir), data)


def _stored(name: str, data_dir: Path) -> bytes | None:
    """The bytes of a stored image; None if it is missing or damaged."""
    path = _initial_path(name, data_dir)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == name else None


def _plain(image: Image.Image) -> Image.Image:
    """Only the first frame's pixels: upright, on white, at most MAX_SIDE a side."""
    image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # decode a large JPEG at a smaller size
    if image.mode.startswith("I"):  # 16-bit greyscale
        image = image.point(lambda value: value / 256).convert("L")
    ImageOps.exif_transpose(image, in_place=True)
    colours = image.convert("RGBA" if image.has_transparency_data else "RGB")
    colours.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    plain = Image.new("RGB", colours.size, "white")
    plain.paste(colours, mask=colours if colours.mode == "RGBA" else None)
    return plain


def _initial_path(name: str, data_dir: Path) -> Path:
    if not _NAME.fullmatch(name):
        raise ImageRejectedError(Rejection(RejectionReason.INVALID_NAME))
    return data_dir / "initial" / f"{name}.png"
