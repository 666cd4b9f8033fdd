"""Inpainting: which part of an image is painted anew, and what stays.

Nothing outside of the part changes: the mask is feathered inwards, and the result is composited in
pixel space, at the rendered size and again at the posted size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from core.recipe import Recipe
from core.repaint import Move

FEATHER = 0.03  #: standard deviation of the blur of the mask's edge, in shorter sides of the image
BRIGHT = 128  #: from which level on, of 255, a mask says that a pixel is painted
MOVED = 0.5  #: share of a side that a move uncovers, or by which zooming out shrinks the image

Size = tuple[int, int]  #: width and height in pixels


@dataclass(frozen=True, slots=True)
class Inpainting:
    """An RGB image, and a mask (L) of the same size: 0 stays, 255 is painted, between is mixed."""

    image: Image.Image
    mask: Image.Image

    @classmethod
    def of(cls, recipe: Recipe, images: Mapping[str, Image.Image], size: Size) -> Self | None:
        """For a recipe that repaints a part, at this size; None for any other.

        `images` holds those that the recipe names.
        """
        if not recipe.initial or not (repaint := recipe.repaint):
            return None
        image = _fitted(images[recipe.initial].convert("RGB"), size)
        painted = np.zeros((size[1], size[0]), np.uint8)
        if repaint.move:
            image, kept = _moved(image, repaint.move)
            painted[:] = 255
            painted[kept] = 0
        elif repaint.mask:
            levels = np.asarray(_fitted(images[repaint.mask.name].convert("L"), size))
            painted[levels >= BRIGHT] = 255
        for region in repaint.regions:
            left, top, right, bottom = region.pixels(*size)
            painted[top:bottom, left:right] = 255
        return cls(image, Image.fromarray(_feathered(painted)))

    def composite(self, painted: Image.Image) -> Image.Image:
        """Where the mask is 0, exactly the image."""
        return Image.composite(painted.convert("RGB"), self.image, self.mask)


def _fitted(image: Image.Image, size: Size) -> Image.Image:
    if image.size == size:
        return image
    return ImageOps.fit(image, size, Image.Resampling.LANCZOS)


def _feathered(painted: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Feathers the mask inwards, but not at the edges of the image."""
    radius = FEATHER * min(painted.shape)
    blurred = Image.fromarray(painted).filter(ImageFilter.GaussianBlur(radius))
    ramp = np.clip(2 * np.asarray(blurred, np.int16) - 255, 0, 255).astype(np.uint8)
    return np.minimum(ramp, painted)


def _moved(image: Image.Image, move: Move) -> tuple[Image.Image, tuple[slice, slice]]:
    """The moved image, continued by the colours of its edges, and its rows and columns."""
    width, height = image.size
    across, down = round(MOVED * width), round(MOVED * height)
    if move is Move.ZOOM_OUT:
        image = image.resize((width - across, height - down), Image.Resampling.LANCZOS)
        before = down // 2, across // 2
    else:
        before = (
            down if move is Move.UP else -down if move is Move.DOWN else 0,
            across if move is Move.LEFT else -across if move is Move.RIGHT else 0,
        )
    rows, columns = (
        slice(max(0, first), min(length, first + side))
        for first, side, length in zip(
            before, (image.height, image.width), (height, width), strict=True
        )
    )
    pixels = np.asarray(image)
    pixels = pixels[max(0, -before[0]) : height - before[0], max(0, -before[1]) : width - before[1]]
    margins = ((rows.start, height - rows.stop), (columns.start, width - columns.stop), (0, 0))
    return Image.fromarray(np.pad(pixels, margins, mode="edge")), (rows, columns)
