"""How an image continues beyond its edges."""

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
