"""Inpainting: which part of an image is repainted, and what stays.

Nothing outside the part changes: the mask is feathered inwards, and the result is composited in
pixel space, first at the rendered size and again at the posted size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from core.recipe import Recipe
from core.repaint import Move

FEATHER = 0.03  #: standard deviation of the blur of the mask, relative to the shorter side
MASK_THRESHOLD = 128  #: pixels at or above this level (0 to 255) of a mask are repainted
MOVE_SHARE = 0.5  #: share of a side that panning uncovers, or that zooming out takes away

Size = tuple[int, int]  #: width and height in pixels


@dataclass(frozen=True, slots=True)
class Inpainting:
    """An RGB image and a mask (L) of the same size: 0 keeps a pixel, 255 repaints it."""

    image: Image.Image
    mask: Image.Image

    @classmethod
    def of(cls, recipe: Recipe, images: Mapping[str, Image.Image], size: Size) -> Self | None:
        """The inpainting of a recipe at this size; None if the recipe repaints nothing.

        `images` maps names in the recipe to images.
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
            painted[levels >= MASK_THRESHOLD] = 255
        for region in repaint.regions:
            left, top, right, bottom = region.pixels(*size)
            painted[top:bottom, left:right] = 255
        return cls(image, Image.fromarray(_feathered(painted)))

    def composite(self, painted: Image.Image) -> Image.Image:
        """Replaces the masked part; the pixels where the mask is 0 stay exactly the same."""
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
    """The moved image, its edges extended, and the rows and columns of its own pixels."""
    width, height = image.size
    across, down = round(MOVE_SHARE * width), round(MOVE_SHARE * height)
    if move is Move.ZOOM_OUT:
        image = image.resize((width - across, height - down), Image.Resampling.LANCZOS)
        offset = down // 2, across // 2
    else:
        offset = (
            down if move is Move.UP else -down if move is Move.DOWN else 0,
            across if move is Move.LEFT else -across if move is Move.RIGHT else 0,
        )
    rows, columns = (
        slice(max(0, first), min(length, first + side))
        for first, side, length in zip(
            offset, (image.height, image.width), (height, width), strict=True
        )
    )
    pixels = np.asarray(image)
    pixels = pixels[max(0, -offset[0]) : height - offset[0], max(0, -offset[1]) : width - offset[1]]
    margins = ((rows.start, height - rows.stop), (columns.start, width - columns.stop), (0, 0))
    return Image.fromarray(np.pad(pixels, margins, mode="edge")), (rows, columns)
