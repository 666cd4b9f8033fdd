"""Which part of an image is repainted."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from core.i18n import gettext
from core.prompts import MAX_PROMPT_LENGTH, RecipeError, one_line
from core.regions import MAX_REGIONS, Region, box_help, parse_region, too_many_regions

_SEPARATOR = re.compile(r"\s*[,;|+]\s*")

StoredName = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""The name of a stored image: its SHA-256 (see `core.storage.uploaded_images`)."""


class Move(StrEnum):
    """A move of the view that shows more of a scene: only the uncovered area is painted."""

    ZOOM_OUT = "zoom-out"
    LEFT = "left"  # the view moves to the left, so the image moves to the right
    UP = "up"
    RIGHT = "right"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Mask:
    """A stored image that is bright in the part to repaint.

    The database finds a recipe's images by the key `name`, among others.
    """

    name: StoredName


@dataclass(frozen=True, slots=True)
class Repaint:
    """The part of the initial image to repaint; every other pixel stays as it is.

    It is either some regions, or the bright part of a mask, or the area that a move uncovers.
    """

    regions: Annotated[tuple[Region, ...], Field(max_length=MAX_REGIONS)] = ()
    mask: Mask | None = None
    move: Move | None = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.regions, self.mask, self.move))) != 1:
            raise ValueError(part_help())


def part_help() -> str:
    """The message for a repaint that names no part, or names it in two ways."""
    return gettext("Say which part to repaint: with regions, or with a mask.")


def parse_regions(text: str) -> tuple[Region, ...]:
    """One or more regions, separated by commas. Raises RecipeError."""
    text = one_line(text[:MAX_PROMPT_LENGTH])
    regions: dict[Region, None] = {}
    position = 0
    for piece in _SEPARATOR.split(text):
        region = parse_region(piece)
        if region is None:
            raise RecipeError(box_help(), text, text.find(piece, position))
        regions[region] = None
        position = text.find(piece, position) + len(piece)
    if len(regions) > MAX_REGIONS:
        raise RecipeError(too_many_regions(), text)
    return tuple(regions)
