"""Enlarges finished images for members: with the model's upscaler, or by interpolation."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from core.pattern import Symmetry, Tile
from engine.models.catalogue import CATALOGUE
from engine.models.checkpoints import read_upscaler
from engine.models.upscaler import FACTOR, Upscaler
from engine.synthesis.appearance import symmetrise
from engine.synthesis.latents import to_tensor, to_uint8

SHOWN_SIDE = 512  #: pixels; minimum long side of an image as posted
LANCZOS_RADIUS = 3  #: pixels of the smaller image that each pixel of the larger depends on


def enlarged(image: Image.Image, side: int = SHOWN_SIDE, tile: Tile | None = None) -> Image.Image:
    """The image, enlarged by an integer factor so that its long side has at least `side` pixels.

    With Lanczos: nearest neighbour would leave jagged edges in a 64-pixel image. With `tile`
    the enlarged image repeats without a seam if the image does.
    """
    factor = math.ceil(side / max(image.size))
    if factor == 1:
        return image
    across = LANCZOS_RADIUS if tile and tile.across else 0
    down = LANCZOS_RADIUS if tile and tile.down else 0
    margins = ((down, down), (across, across), (0, 0))
    padded = Image.fromarray(np.pad(np.asarray(image.convert("RGB")), margins, mode="wrap"))
    size = (padded.width * factor, padded.height * factor)
    left, top = across * factor, down * factor
    return padded.resize(size, Image.Resampling.LANCZOS).crop(
        (left, top, left + image.width * factor, top + image.height * factor)
    )


def upscaled(
    image: Image.Image, model: str, tile: Tile | None = None, symmetry: Symmetry | None = None
) -> Image.Image:
    """The image, enlarged like `enlarged`, but with the upscaler of the model that rendered it.

    A model without an upscaler gets `enlarged`. Raises WeightsError for damaged weights.

    An image with a `symmetry` keeps it exactly.
    """
    factor, upscaler = math.ceil(SHOWN_SIDE / max(image.size)), _upscaler_of(model)
    if factor == 1 or not upscaler:
        large = enlarged(image, tile=tile)
    else:
        padded, margin = _padded(image, upscaler.margin, tile), upscaler.margin * factor
        large = Image.fromarray(_super_resolved(upscaler, padded))
        if factor != FACTOR:
            size = padded.shape[1] * factor, padded.shape[0] * factor
            large = large.resize(size, Image.Resampling.LANCZOS)
        large = large.crop((margin, margin, large.width - margin, large.height - margin))
    if symmetry:
        pixels = torch.from_numpy(np.array(large)).movedim(-1, 0)[None]
        large = Image.fromarray(symmetrise(pixels, symmetry)[0].movedim(0, -1).numpy())
    return large


def _padded(image: Image.Image, margin: int, tile: Tile | None) -> NDArray[np.uint8]:
    """Adds a margin on all sides: sides of a tile wrap around, others repeat their edge pixels."""
    pixels = np.asarray(image.convert("RGB"))
    down, across = ((margin, margin), (0, 0), (0, 0)), ((0, 0), (margin, margin), (0, 0))
    pixels = np.pad(pixels, down, mode="wrap" if tile and tile.down else "edge")
    return np.pad(pixels, across, mode="wrap" if tile and tile.across else "edge")


@torch.inference_mode()
def _super_resolved(upscaler: Upscaler, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(height, width, 3) → (FACTOR × height, FACTOR × width, 3)."""
    small = to_tensor(Image.fromarray(pixels))
    large = upscaler(small.contiguous(memory_format=torch.channels_last))
    return np.moveaxis(to_uint8(large)[0], 0, -1)


@cache
def _upscaler_of(model: str) -> Upscaler | None:
    """Raises WeightsError if its weights are damaged."""
    entry = CATALOGUE.get(model)
    if not entry or not entry.upscaler:
        return None
    return read_upscaler(entry.folder(Path()) / entry.upscaler, entry.fix_command)
