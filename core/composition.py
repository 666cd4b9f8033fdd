"""Composition: where the things in a prompt go in the image, and what is behind them.

"A cat left of a dog on a blue background" has two parts, "a cat" and "a dog", side by side on blue.
"A cat in the snow at night" has one, in a landscape. The grammar comes from a vocabulary file:
templates of phrases by language, such as "{a} left of {b}".
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

NEAR, FAR = 0.27, 0.73
"""Centres of two things side by side, as shares of the image's side."""
HALF = 0.48
"""Side of one of several things, as a share of the image's side."""
SMALL = 0.45
"""Side of a thing that the prompt calls small."""
ON_LAND = (0.5, 0.57)
"""Centre of a thing in a landscape, as shares of the side."""
LAND_SIZE = 0.74
"""Side of a thing in a landscape."""
SEATS = {
    2: ((NEAR, 0.5), (FAR, 0.5)),
    3: ((NEAR, NEAR), (FAR, NEAR), (0.5, FAR)),
    4: ((NEAR, NEAR), (FAR, NEAR), (NEAR, FAR), (FAR, FAR)),
}
"""Centres of several things by their number."""
IN_THE_SKY = (0.76, 0.2)
"""Centre of the weather in a landscape, as shares of the side."""
WEATHER_SIZE = 0.38
SKY = frozenset({"sunrise", "sunset", "sun", "moon", "crescent moon", "full moon", "star", "stars",
                 "cloud", "clouds"})  # fmt: skip
"""What a landscape already has, in its sky."""
TIMES = {"day": "by day", "sunset": "at sunset", "night": "at night"}
"""Times of day, and how a prompt for a landscape says them."""
LANDSCAPES = ("night", "sunset", "day", "snow", "sea", "hills")
"""What a grammar may have phrases for, in the order in which they are matched."""
DOING = "doing"
"""The relation of a thing that does something to another."""
NEVER = "(?!)"
"""A pattern that matches nothing."""
CUE_DISTANCE = 40
"""The most characters between a colour and a word that makes it that of the ground."""
_ENDS = r"(?=\s*(?:[,.:;!?+/|&)]|$))"
_WORD = re.compile(r"(?<=\s)\S+")
_WITH = re.compile(r"(?:with|mit|con|avec)\b", re.IGNORECASE)
_NEXT_WORD = re.compile(r"[\s-]+[\w'-]+")
BETWEEN_THINGS = "and|or|with|of|und|oder|mit|von|y|o|con|de|et|ou|avec"
"""Words that are no adjectives of a place: before them comes another thing."""
PLACES = {
    "left": (NEAR, 0.5),
    "right": (FAR, 0.5),
    "top": (0.5, NEAR),
    "bottom": (0.5, FAR),
}


Centres = tuple[tuple[float, float], ...]
"""Shares of the image's sides."""

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing of an image: what it shows, its centre and its side as shares of the image's."""

    text: str
    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class Composition:
    """`parts` on a ground of one `colour`, or in a `landscape`, which is a prompt in English.

    Without either, the ground is that of the parts' own images.
    """

    parts: tuple[Part, ...] = ()
    colour: Colour | None = None
    landscape: str = ""

    def __bool__(self) -> bool:
        return bool(self.parts)

    def without(self, excluded: Callable[[Part], bool]) -> "Composition":
        """A copy without some of several parts, unless none would be left.

        A single remaining part is centred.
        """
        kept = tuple(part for part in self.parts if not excluded(part))
        if not kept or len(kept) == len(self.parts):
            return self
        if len(kept) > 1:
            return replace(self, parts=kept)
        x, y = ON_LAND if self.landscape else (0.5, 0.5)
        size = LAND_SIZE if self.landscape else 1.0
        return replace(self, parts=(Part(kept[0].text, x, y, size),))


NOTHING = Composition()


class Grammar:
    """`tables` hold, by language, the templates of `ground`, `left`, `above`, `and` and so on.

    `colours` are the grounds' by their English names. `things_of` are the things and shapes that a
    text names, in English; `is_name` says whether all of it is one name, and `called` are the
    things that a text calls by their English names, if it calls all of them so.
    """

    def __init__(
        self,
        tables: Mapping[str, Mapping[str, Any]],
        colours: Mapping[str, Colour],
        things_of: Callable[[str], Collection[str]],
        is_name: Callable[[str], bool],
        called: Callable[[str], Sequence[str]],
    ) -> None:
        self.tables, self.colours = tables, colours
        self.things_of, self.is_name, self.called = things_of, is_name, called

    def reading(self, things_of: Callable[[str], Collection[str]]) -> "Grammar":
        """The same grammar with another way to find the things of a text."""
        grammar = copy(self)
        grammar.things_of = things_of
        return grammar

    def compose(self, text: str, others: Sequence[str] = ()) -> Composition:
        """The parts of a prompt and their ground; nothing if it shows one thing in the middle.

        If the prompt names no ground, the one that `others`, the prompts beside it, name is used.
        """
        text = text.strip(" .,!?。\uff01\uff1f")  # full-width marks, too
        beside = self._ground_beside(others)
        if not self.things_of(text) or (self.is_name(text) and not beside.said):
            return NOTHING
        for rules in self._rules:
            core, ground = rules.split_ground(text, self.is_name, self.things_of)
            ground = ground if ground.said else beside
            if self.things_of(core) and (found := self._composed(rules, core, ground)):
                return found
        return Composition(tuple(self._apart(text)))

    def says_ground(self, text: str) -> bool:
        """Whether a prompt names a ground."""
        return self._ground_beside([text]).said

    def without_ground(self, text: str) -> str:
        """A prompt without the ground that it names."""
        for rules in self._rules:
            core, ground = rules.split_ground(text, self.is_name, self.things_of)
            if ground.said:
                return core
        return text

    def _ground_beside(self, others: Sequence[str]) -> "_Ground":
        for text in others:
            for rules in self._rules:
                _, ground = rules.split_ground(text, self.is_name, self.things_of)
                if ground.said:
                    return ground
        return _Ground()

    def _composed(self, rules: "_Rules", core: str, ground: "_Ground") -> Composition:
        parts = self._parts(rules, core) or (self._apart(core) if ground.said else [])
        landscape = ground.landscape
        if landscape and SKY.issuperset(self.things_of(core)):
            return NOTHING
        if not parts and landscape:
            weather = [Part(name, *IN_THE_SKY, WEATHER_SIZE) for name in ground.weather]
            parts = [*weather, Part(core, *ON_LAND, LAND_SIZE)]
        elif not parts and ground.colour:
            parts = [Part(core, 0.5, 0.5, 1.0)]
        colour = self.colours.get(ground.colour) if not landscape else None
        return Composition(tuple(parts), colour, landscape)

    @cached_property
    def _rules(self) -> list["_Rules"]:
        return [_Rules(table) for table in self.tables.values()]

    def _parts(self, rules: "_Rules", text: str) -> list[Part]:
        if self.is_name(text):
            return []
        return self._related(rules, text) or self._alike(rules, text)

    def _related(self, rules: "_Rules", text: str) -> list[Part]:
        """Several things beside or above each other."""
        for relation, seats, pattern in rules.relations:
            found = pattern.fullmatch(text)
            if found and self._are_two(text, found["a"], found["b"], relation):
                named = [*self._listed(found["a"]), found["b"]]
                centres = seats if len(named) == 2 else SEATS[len(named)]
                return [Part(t, x, y, HALF) for t, (x, y) in zip(named, centres, strict=True)]
        return []

    def _are_two(self, text: str, first: str, second: str, relation: str) -> bool:
        """Whether each part names a thing, and no name spans both: "a person rowing a boat".

        Where both parts mean the same, one does nothing to the other: "a wizard casting a spell".
        """
        things, others = set(self.things_of(first)), set(self.things_of(second))
        if not things or not others or (relation == DOING and others <= things):
            return False
        return not (things | others).isdisjoint(self.things_of(text))

    def _alike(self, rules: "_Rules", text: str) -> list[Part]:
        """Several things of one kind, or one that is small or off the middle."""
        for places, size, pattern in rules.places:
            found = pattern.fullmatch(text)
            if found and self.things_of(found["t"]) and not self.things_of(found["other"]):
                first, last = sorted(("t", "other"), key=found.start)
                said = f"{found[first].strip()} {found[last].strip()}".strip()
                return [Part(said, x, y, size) for x, y in places]
        return []

    def _apart(self, text: str) -> list[Part]:
        """Two things that no template joins: side by side. "A man with a hat" stays a man.

        Only what is called by its name counts; other words are often about something else.
        """
        named = list(dict.fromkeys(self.called(text)))
        if len(named) != 2:
            return []
        for word in _WORD.finditer(text):
            first, second = text[: word.start()], text[word.start() :]
            if set(self.things_of(first)) == {named[0]} and set(self.things_of(second)) == {
                named[1]
            }:
                if _WITH.match(second):
                    return []
                both = zip((first, second), SEATS[2], strict=True)
                return [Part(said.strip(" ,.;:"), x, y, HALF) for said, (x, y) in both]
        return []

    def _listed(self, text: str) -> list[str]:
        """The things of "a cat, a bird", if there are two or three, else the text itself."""
        parts = [part.strip() for part in re.split(r"[,、]", text) if part.strip()]
        return parts if 1 < len(parts) < 4 and all(map(self.things_of, parts)) else [text]


@dataclass(frozen=True, slots=True)
class _Ground:
    """The ground that a prompt names: a colour, a land and a time of day, by their English names.

    `weather` are English names of things in the sky.
    """

    colour: str = ""
    land: str = ""
    time: str = ""
    weather: tuple[str, ...] = ()

    @property
    def said(self) -> bool:
        """Whether the prompt names a ground."""
        return bool(self.colour or self.land or self.time)

    @property
    def landscape(self) -> str:
        """A prompt for the landscape, or ""."""
        if not self.land and not self.time:
            return ""
        return f"{self.land or 'hills'} {TIMES[self.time or 'day']}"


class _Rules:
    """One language's templates as patterns."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        colours = [form for forms in table["colours"].values() for form in forms.split("/")]
        self._colours = "|".join(map(re.escape, sorted(colours, key=len, reverse=True)))
        scenery = table["scenery"]
        self._verb = scenery.get("verb", NEVER)
        above = ((0.5, NEAR), (0.5, FAR))
        self.relations = [
            (name, seats, self._pattern(template))
            for name, seats in (
                *(("left", SEATS[2]), ("above", above), ("and", SEATS[2])),
                *(("on", above), (DOING, SEATS[2])),
            )
            for template in sorted(table.get(name, ()), key=len, reverse=True)
        ]
        self.places = [
            (places, size, self._at_edge(template))
            for places, size, templates in self._alike_in(table)
            for template in sorted(templates, key=len, reverse=True)
        ]
        self._grounds = [self._pattern(template) for template in table["ground"]]
        joined = rf"(?:[\s,、]|{self._edged(_any_of(scenery['joining']))})+"
        self._background = self._coloured(scenery["background"], scenery["links"])
        self._dangling = re.compile(rf"^{joined}|{joined}$", re.IGNORECASE)
        self._scenery = [
            (kind, re.compile(pattern, re.IGNORECASE))
            for kind in LANDSCAPES
            for pattern in (
                self._edged(_any_of(scenery[kind])),
                self._edged(self._placed_in(scenery, kind)),
                self._set_apart(scenery, kind),
            )
        ]
        self._alone = re.compile(
            rf"{self._edged(_any_of(scenery['onto']))}\s+(?:{_any_of(scenery['links'])}\s+)*"
            rf"(?P<c>{self._colours}){_ENDS}",
            re.IGNORECASE,
        )
        self._cue = re.compile(
            self._edged(_any_of([*scenery["background"], *scenery["cues"]])), re.IGNORECASE
        )
        self._colour = re.compile(self._edged(self._colours), re.IGNORECASE)
        self._weather = [
            (name, re.compile(self._edged(_any_of(words)), re.IGNORECASE))
            for name, words in scenery.get("weather", {}).items()
        ]
        self._colour_names = {
            form.casefold(): name
            for name, forms in table["colours"].items()
            for form in forms.split("/")
        }

    def split_ground(
        self,
        text: str,
        is_name: Callable[[str], bool],
        things_of: Callable[[str], Collection[str]],
    ) -> tuple[str, "_Ground"]:
        """Splits a prompt into the part without its ground, and the ground. Names are not split."""
        ground = _Ground()
        while not is_name(text) and (
            found := self._ground_of(text) or (not ground.said and self._cued(text, things_of))
        ):
            text, more = found
            ground = _Ground(
                colour=ground.colour or more.colour,
                land=ground.land or more.land,
                time=ground.time or more.time,
                weather=ground.weather or more.weather,
            )
        return text, ground

    def _ground_of(self, text: str) -> tuple[str, "_Ground"] | None:
        for pattern in self._grounds:
            if found := pattern.fullmatch(text):
                return found["t"], _Ground(colour=self._colour_names[found["c"].casefold()])
        if found := self._background.search(text) or self._alone.search(text):
            colour = self._colour_names[next(filter(None, found.groups())).casefold()]
            around = (text[: found.start()], text[found.end() :])
            return self._rest(around), _Ground(colour=colour)
        for kind, pattern in self._scenery:
            if found := pattern.search(text):
                ground = _Ground(time=kind) if kind in TIMES else _Ground(land=kind)
                rest = " ".join((text[: found.start()], text[found.end() :]))
                return rest.strip(" ,、"), replace(ground, weather=self._weather_of(found[0]))
        return None

    def _cued(
        self, text: str, things_of: Callable[[str], Collection[str]]
    ) -> tuple[str, "_Ground"] | None:
        """A colour near a word that says what it is for, such as "make everything behind it red".

        A colour directly beside the name of a thing is the thing's.
        """
        cues, colours = list(self._cue.finditer(text)), list(self._colour.finditer(text))
        pairs = [
            (max(colour.start() - cue.end(), cue.start() - colour.end()), cue, colour)
            for cue in cues
            for colour in colours
        ]
        for distance, cue, colour in sorted(pairs, key=lambda pair: pair[0]):
            after = _NEXT_WORD.match(text, colour.end())
            if distance > CUE_DISTANCE or (after and things_of(f"{colour[0]}{after[0]}")):
                continue
            first, last = sorted((cue.span(), colour.span()))
            rest = text[: first[0]], text[first[1] : last[0]], text[last[1] :]
            return self._rest(rest), _Ground(colour=self._colour_names[colour[0].casefold()])
        return None

    def _weather_of(self, said: str) -> tuple[str, ...]:
        return tuple(name for name, pattern in self._weather if pattern.search(said))

    def _rest(self, around: Sequence[str]) -> str:
        """The prompt on all sides of its ground, without the words that joined them."""
        return " ".join(filter(None, (self._dangling.sub("", side) for side in around))).strip()

    def _coloured(self, nouns: Iterable[str], links: Iterable[str]) -> re.Pattern[str]:
        """A pattern for a colour with a word for a ground, in the order that the language uses."""
        noun = _any_of(nouns)
        before = rf"(?P<c>{self._colours})(?:[ -]?colou?red|の|色の)?\s?{noun}"
        after = rf"{noun}\s?(?:{_any_of(links)}\s?)*(?P<d>{self._colours})"
        return re.compile(self._edged(f"{before}|{after}"), re.IGNORECASE)

    @staticmethod
    def _placed_in(scenery: Mapping[str, Any], kind: str) -> str:
        """A pattern for a noun of a landscape with what makes it a place: "in the green hills"."""
        noun = _any_of(scenery["nouns"][kind])
        if "postpositions" in scenery:
            return f"{noun}{_any_of(scenery['postpositions'])}"
        preposition, article = _any_of(scenery["prepositions"]), _any_of(scenery["articles"])
        other = rf"(?!(?:{preposition}|{BETWEEN_THINGS})\s)[\w'-]+\s+"
        return rf"{preposition}\s+(?:{article}\s+|[ld]')?(?:{other}){{0,2}}?{noun}"

    @classmethod
    def _set_apart(cls, scenery: Mapping[str, Any], kind: str) -> str:
        """A pattern for a landscape that stands by itself, as in "beach, night" or "winter scene".

        With an article it is a thing, as in "a cat, a mountain".
        """
        noun, scene = _any_of(scenery["nouns"][kind]), _any_of(scenery["scenes"])
        if "postpositions" in scenery:
            return (
                rf"(?:^|(?<=[\s,.:、。]))(?:[^\s,.:、。]{{0,3}}の)?{noun}(?=[\s,.:、。]|{scene}|$)"
            )
        words = (*scenery["articles"], *scenery["prepositions"], *BETWEEN_THINGS.split("|"))
        other = rf"(?!{_any_of(words)}\s)[\w'-]+\s+"
        placed = rf"(?:^|[,.:;!?+/|&])\s*(?:{other}){{0,2}}{noun}(?:\s+{scene})?{_ENDS}"
        titled = cls._edged(rf"(?:{other})?{noun}\s+{scene}")
        return f"{placed}|{titled}"

    @staticmethod
    def _alike_in(table: Mapping[str, Any]) -> Iterator[tuple[Centres, float, Sequence[str]]]:
        """The centres and sizes of things of one kind, and the templates that ask for them."""
        for number, templates in table["numbers"].items():
            yield SEATS[int(number)], HALF, templates
        for place, templates in table["place"].items():
            yield (PLACES[place],), HALF, templates
        yield ((0.5, 0.5),), SMALL, table["size"]["small"]

    @staticmethod
    def _edged(pattern: str) -> str:
        """A pattern for whole words, in scripts that separate them."""
        return rf"(?<![a-zà-ÿ])(?:{pattern})(?![a-zà-ÿ])"

    def _pattern(self, template: str) -> re.Pattern[str]:
        return re.compile(self._filled(template), re.IGNORECASE)

    def _at_edge(self, template: str) -> re.Pattern[str]:
        """Like `_pattern`, but `other` words may be on the side of the template that is not {t}."""
        filled = self._filled(template)
        if template.startswith("{t}"):
            return re.compile(rf"{filled}(?![a-zà-ÿ])(?P<other>.*)", re.IGNORECASE)
        return re.compile(rf"(?P<other>.*?)(?<![a-zà-ÿ]){filled}", re.IGNORECASE)

    def _filled(self, template: str) -> str:
        escaped = re.escape(template).replace(r"\{c\}", f"(?P<c>{self._colours})")
        escaped = escaped.replace(r"\{v\}", f"(?:{self._verb})")
        escaped = re.sub(r"\\\{(\w)\\\}s$", r"(?P<\1>.+)", escaped)  # a plural, however it is made
        return re.sub(r"\\\{(\w)\\\}", r"(?P<\1>.+)", escaped)


def _any_of(phrases: Iterable[str]) -> str:
    """A pattern for any of them, the longest first; NEVER for none."""
    escaped = "|".join(map(re.escape, sorted(phrases, key=len, reverse=True)))
    return f"(?:{escaped})" if escaped else NEVER
