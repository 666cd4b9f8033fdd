"""Seamless tiles and symmetries."""

from enum import StrEnum


class Tile(StrEnum):
    """The directions in which an image repeats without a seam."""

    BOTH = "both"
    ACROSS = "across"  # left and right edges meet
    DOWN = "down"  # top and bottom edges meet

    @property
    def across(self) -> bool:
        return self is not Tile.DOWN

    @property
    def down(self) -> bool:
        return self is not Tile.ACROSS


class Symmetry(StrEnum):
    """The transformations that leave an image unchanged."""

    LEFT_RIGHT = "left-right"  # a mirror
    TOP_BOTTOM = "top-bottom"
    BOTH = "both"  # mirrors in both directions
    HALF_TURN = "half-turn"  # a rotation by 180°
    QUARTER_TURN = "quarter-turn"  # a rotation by 90°, of a square
