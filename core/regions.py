"""Regions of an image: named ones, or boxes in percent."""

import re
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from core.i18n import gettext

MAX_REGIONS = 4  #: of one image
WHOLE = 100  #: percent

_BOX = re.compile(r"(\d{1,3})%? +(\d{1,3})%? +(\d{1,3})%? +(\d{1,3})%?")
_PREFIX = re.compile(r"(?P<name>[^:|\\]{1,20}): (?=\S)")

Percent = Annotated[int, Field(ge=0, le=WHOLE)]


@dataclass(frozen=True, slots=True)
class Region:
    """A box that is not empty.

    Its edges are in percent of the image's width and height, from the left and from the top.
    """

    left: Percent
    top: Percent
    right: Percent
    bottom: Percent

    @model_validator(mode="after")
    def _has_an_area(self) -> Self:
        if self.left >= self.right or self.top >= self.bottom:
            raise ValueError(box_help())
        return self

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in an image of this size; at least one pixel."""
        left, right = _span(self.left, self.right, width)
        top, bottom = _span(self.top, self.bottom, height)
        return left, top, right, bottom

    def __str__(self) -> str:
        """As `parse_region` reads it."""
        for name, region in REGIONS.items():
            if region == self:
                return name
        return f"{self.left} {self.top} {self.right} {self.bottom}"


def _span(begin: int, end: int, length: int) -> tuple[int, int]:
    first = min(round(begin * length / WHOLE), length - 1)
    return first, max(first + 1, round(end * length / WHOLE))


REGIONS = {
    "left": Region(0, 0, 50, 100),
    "right": Region(50, 0, 100, 100),
    "top": Region(0, 0, 100, 50),
    "bottom": Region(0, 50, 100, 100),
    "centre": Region(25, 25, 75, 75),
}
"""Regions by the names that are stored and shown."""

NAMES = {
    **{name: name for name in REGIONS},
    **dict.fromkeys(("links", "izquierda", "gauche", "左"), "left"),
    **dict.fromkeys(("rechts", "derecha", "droite", "右"), "right"),
    **dict.fromkeys(("oben", "arriba", "haut", "上"), "top"),
    **dict.fromkeys(("unten", "abajo", "bas", "下"), "bottom"),
    **dict.fromkeys(("center", "middle", "mitte", "centro", "中央"), "centre"),
}
"""The names that are understood, in all languages of the catalogues."""


def parse_region(text: str) -> Region | None:
    """`left`, or `10 20 60 80` in percent (left, top, right, bottom); None for anything else."""
    text = text.strip().casefold()
    if name := NAMES.get(text):
        return REGIONS[name]
    if found := _BOX.fullmatch(text):
        left, top, right, bottom = map(int, found.groups())
        if left < right <= WHOLE and top < bottom <= WHOLE:
            return Region(left, top, right, bottom)
    return None


def split_region(text: str) -> tuple[Region | None, str]:
    """`left: a cat` → the region and `a cat`; a text without a region is returned unchanged."""
    found = _PREFIX.match(text)
    if found and (region := parse_region(found["name"])):
        return region, text[found.end() :]
    return None, text


def too_many_regions() -> str:
    """The message for more than `MAX_REGIONS`."""
    return gettext("You can name up to {most} regions.", most=MAX_REGIONS)


def box_help() -> str:
    """The message for an invalid region."""
    return gettext(
        "A region is {names}, or a box in percent from the left and from the top: 10 20 60 80"
        " reaches from 10 to 60 across and from 20 to 80 down.",
        names=", ".join(REGIONS),
    )
