"""Landscapes with what prompts name in them: the moon, clouds, trees, a house.

"Snowy hills with trees and a house, at night" has no subject: all its things belong to the
landscape. Each has its place there.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.understanding.composition import Colour, Composition, Part, Place

NEVER = "(?!)"
"""A pattern that matches nothing."""
TIMES = {"day": "by day", "sunset": "at sunset", "night": "at night"}
"""Times of day, and their wording in a prompt for a landscape."""
LANDS = ("snow", "sea", "hills")
"""Lands, in the order in which words for them are looked for."""
BRIGHTNESS = {"day": 1.0, "sunset": 0.8, "night": 0.6}
"""How bright what stands on the land is, by the time of day."""


@dataclass(frozen=True, slots=True)
class Element:
    """Something in a landscape: a `thing` by its English name, at several `places`.

    It shines by itself if it is `in_sky`. A moon is `mirrored`, because the prior's landscapes are
    lit from the left. With a `shape`, it is drawn as that, in this `colour` unless the prompt names
    another: the prior often paints a face on a full moon, and sometimes on a star.
    """

    thing: str
    places: tuple[Place, ...]
    in_sky: bool = False
    mirrored: bool = False
    shape: str = ""
    colour: Colour | None = None


_STARLIGHT, _MOONLIGHT = (250, 212, 84), (247, 233, 178)
_MOON = (Place(0.78, 0.2, 0.26),)
_STARS = (  # in the latents of 192 × 192 pixels, smaller ones become dots
    Place(0.12, 0.13, 0.16),
    Place(0.33, 0.27, 0.13),
    Place(0.53, 0.12, 0.15),
    Place(0.9, 0.44, 0.13),
    Place(0.14, 0.42, 0.12),
)
ELEMENTS = {
    "sun": Element("sun", (Place(0.78, 0.2, 0.28),), in_sky=True),
    "moon": Element("crescent moon", _MOON, in_sky=True, mirrored=True),
    "full moon": Element("full moon", _MOON, in_sky=True, shape="circle", colour=_MOONLIGHT),
    "stars": Element("star", _STARS, in_sky=True, shape="star", colour=_STARLIGHT),
    "star": Element("star", (Place(0.3, 0.2, 0.2),), in_sky=True, shape="star", colour=_STARLIGHT),
    "clouds": Element("cloud", (Place(0.26, 0.2, 0.34), Place(0.55, 0.3, 0.26)), in_sky=True),
    "cloud": Element("cloud", (Place(0.3, 0.22, 0.4),), in_sky=True),
    "storm": Element("cloud with lightning and rain", (Place(0.76, 0.2, 0.38),), in_sky=True),
    "house": Element("house", (Place(0.52, 0.6, 0.42),)),
    "trees": Element(
        "evergreen tree", (Place(0.3, 0.58, 0.22), Place(0.13, 0.63, 0.3), Place(0.87, 0.64, 0.3))
    ),
    "tree": Element("evergreen tree", (Place(0.84, 0.6, 0.4),)),
}
"""Elements by their names in `training/data/scenery.toml`, from back to front."""
DRAWN_ELEMENTS = {element.thing: element for element in ELEMENTS.values() if element.shape}
"""Elements that are drawn as shapes, by their things."""
MANY = {"stars", "clouds", "trees"}
"""Elements that make a landscape with any other one, or if a prompt names nothing else."""
ON_ISLANDS = {"house": "a house", "tree": "trees", "trees": "trees"}
"""What a prompt for the sea must name to get an island for these elements."""
NIGHTLY = {"moon", "full moon", "stars", "star"}
"""Elements of a landscape at night, unless the prompt names the time or the sun."""


@dataclass(frozen=True, slots=True)
class Scenery:
    """What a prompt says of a landscape: its `land`, `time` of day and `elements`.

    Each element has the English name of the colour that the prompt gives it, or "". `rest` is the
    prompt without all these words.
    """

    elements: Mapping[str, str]
    land: str = ""
    time: str = ""
    rest: str = ""

    @property
    def is_landscape(self) -> bool:
        """Whether there are elements, in a landscape rather than next to each other.

        Without words for the landscape, "a house under the moon" and "trees" are ones, "a house and
        a tree" and "three trees" are not.
        """
        in_sky = {ELEMENTS[name].in_sky for name in self.elements}
        of_many = not MANY.isdisjoint(self.elements) and (len(self.elements) > 1 or not self.rest)
        implied = len(in_sky) == 2 or of_many
        return bool(self.elements and (self.land or self.time or implied))

    @property
    def composition(self) -> Composition:
        """The landscape and its elements. On the sea, houses and trees stand on an island."""
        named = self.elements.keys()
        time = self.time or ("night" if named & NIGHTLY and "sun" not in named else "day")
        land = self.land or "hills"
        if land == "sea" and not named.isdisjoint(ON_ISLANDS):
            land = f"sea with {ON_ISLANDS[min(named & ON_ISLANDS.keys())]}"
        landscape = f"{land} {TIMES[time]}"
        return Composition(landscape=landscape, scenery=scenery_parts(self.elements, time))


def scenery_parts(elements: Mapping[str, str], time: str) -> tuple[Part, ...]:
    """The parts of an image for elements with the names of their colours, from back to front."""
    return tuple(
        Part(
            f"{elements[name]} {element.thing}".strip(),
            *element.places[0],
            copies=element.places[1:],
            brightness=1.0 if element.in_sky else BRIGHTNESS[time],
            mirrored=element.mirrored,
        )
        for name, element in ELEMENTS.items()
        if name in elements
    )


class SceneryRules:
    """One language's words for landscapes and what is in them.

    `backgrounds` are patterns by kind of land or time, and `colours` are the language's words for
    colours with their English names.
    """

    def __init__(
        self,
        table: Mapping[str, Any],
        backgrounds: Iterable[tuple[str, re.Pattern[str]]],
        colours: Mapping[str, str],
    ) -> None:
        self._colours = colours
        self._names = {
            word.casefold(): name for name, listed in table["elements"].items() for word in listed
        }
        self._backgrounds = [
            *backgrounds,
            *((time, words(self._not_elements(table["nouns"][time]))) for time in TIMES),
            *((land, words(table["lands"][land])) for land in LANDS),
        ]
        colour = any_of(colours)
        element = rf"(?:(?P<a>{colour})\s?)?(?P<element>{any_of(self._names)})"
        self._element = re.compile(edged(rf"{element}(?:\s(?P<b>{colour}))?"), re.IGNORECASE)
        joining = any_of([*table["joining"], *table.get("prepositions", ()), *self._colours])
        self._joining = rf"(?:{joining}\s+)*"
        self._sunset = words([*table["nouns"]["sunset"], *table["sunset"]])
        self._without = words(table["without"])

    def _not_elements(self, nouns: Iterable[str]) -> list[str]:
        return [noun for noun in nouns if noun.casefold() not in self._names]

    def elements_in(self, text: str) -> dict[str, str]:
        """The elements that a text names, each with the English name of its colour, or "".

        "The setting sun" names a time.
        """
        return {
            self._names[found["element"].casefold()]: self._colours[colour.casefold()]
            if (colour := found["a"] or found["b"])
            else ""
            for found in self._element.finditer(self._sunset.sub(" ", text))
        }

    def without_scenery(self, text: str) -> tuple[str, dict[str, str]]:
        """A text without what is in the sky and trees behind its subject, and these elements."""
        named = {
            name: colour
            for name, colour in self.elements_in(text).items()
            if ELEMENTS[name].in_sky or name == "trees"
        }
        behind = any_of(word for word, name in self._names.items() if name in named)
        return re.sub(edged(self._joining + behind), " ", text, flags=re.IGNORECASE), named

    def scenery_of(self, text: str) -> Scenery:
        """What a text says of a landscape; nothing if it says what is missing there."""
        if self._without.search(text):
            return Scenery({}, rest=text)
        kinds = {kind for kind, pattern in self._backgrounds if pattern.search(text)}
        rest = text
        for pattern in (self._sunset, self._element, *(p for _, p in self._backgrounds)):
            rest = pattern.sub(" ", rest)
        return Scenery(
            self.elements_in(text),
            land=next((land for land in LANDS if land in kinds), ""),
            time=next((time for time in ("night", "sunset", "day") if time in kinds), ""),
            rest=" ".join(rest.split()),
        )


def words(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern for any of these phrases as whole words."""
    return re.compile(edged(any_of(phrases)), re.IGNORECASE)


def edged(pattern: str) -> str:
    """A pattern for whole words, in scripts that separate them."""
    return rf"(?<![a-zà-ÿ])(?:{pattern})(?![a-zà-ÿ])"


def any_of(phrases: Iterable[str]) -> str:
    """A pattern for any of these phrases, the longest first; NEVER if there are none."""
    escaped = "|".join(map(re.escape, sorted(phrases, key=len, reverse=True)))
    return f"(?:{escaped})" if escaped else NEVER
