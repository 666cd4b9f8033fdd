"""Compositions: where the things in a prompt go in the image, and what is behind them.

"A cat left of a dog on a blue background" has two parts, "a cat" and "a dog", side by side on blue.
"A cat in the snow at night" has one, in a landscape. `core.understanding.grammar` finds them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

NEAR, FAR = 0.27, 0.73
"""Centres of two things side by side, as fractions of the image's side."""
HALF = 0.48
"""Side of one of several things, as a fraction of the image's side."""
SMALL = 0.45
"""Side of a thing that the prompt calls small."""
ON_LAND = (0.5, 0.57)
"""Centre of a thing in a landscape, as fractions of the side."""
LAND_SIZE = 0.74
"""Side of a thing in a landscape."""
CENTRES = {
    2: ((NEAR, 0.5), (FAR, 0.5)),
    3: ((NEAR, NEAR), (FAR, NEAR), (0.5, FAR)),
    4: ((NEAR, NEAR), (FAR, NEAR), (NEAR, FAR), (FAR, FAR)),
}
"""Centres of several things, by how many there are."""
Centres = tuple[tuple[float, float], ...]
"""Fractions of the image's width and height."""

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


class Place(NamedTuple):
    """A centre and a side, as fractions of the image's side."""

    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class Part:
    """A thing in an image: what it shows, and its centre and side as fractions of the image's.

    With a `colour`, it is given that one instead of its own. `copies` are more places for the same
    thing. Its pixels are multiplied by `brightness`, from 0 to 1. A `mirrored` thing is flipped
    from left to right, and a `drawn` one is a shape in one flat colour.
    """

    text: str
    x: float
    y: float
    size: float
    colour: Colour | None = None
    copies: tuple[Place, ...] = ()
    brightness: float = 1.0
    mirrored: bool = False
    drawn: bool = False


@dataclass(frozen=True, slots=True)
class Composition:
    """`parts` on a background of one `colour`, or in a `landscape`, which is a prompt in English.

    Without either, the background is that of the parts' own images. `scenery` is part of the
    landscape, behind the `parts`. No part has one of the `excluded_colours`.
    """

    parts: tuple[Part, ...] = ()
    colour: Colour | None = None
    landscape: str = ""
    scenery: tuple[Part, ...] = ()
    excluded_colours: tuple[Colour, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts or self.landscape)

    def with_mirrored_scenery(self) -> "Composition":
        """A copy with the scenery's places on the other side."""

        def mirror(part: Part) -> Part:
            copies = tuple(place._replace(x=1 - place.x) for place in part.copies)
            return replace(part, x=1 - part.x, copies=copies)

        return replace(self, scenery=tuple(map(mirror, self.scenery)))

    def without(self, excluded: Callable[[Part], bool]) -> "Composition":
        """A copy without the parts that are `excluded`, unless only scenery would be left.

        A single remaining part is centred.
        """
        scenery = tuple(part for part in self.scenery if not excluded(part))
        kept = tuple(part for part in self.parts if not excluded(part))
        if not kept or len(kept) == len(self.parts):
            return replace(self, scenery=scenery)
        if len(kept) > 1:
            return replace(self, parts=kept, scenery=scenery)
        x, y = ON_LAND if self.landscape else (0.5, 0.5)
        size = LAND_SIZE if self.landscape else 1.0
        return replace(self, parts=(replace(kept[0], x=x, y=y, size=size),), scenery=scenery)


NOTHING = Composition()
