"""Reads a prompt as a composition, with the phrases of all languages."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any

from core.understanding.composition import (
    HALF,
    IN_THE_SKY,
    LAND_SIZE,
    NOTHING,
    ON_LAND,
    SEATS,
    WEATHER_SIZE,
    Colour,
    Composition,
    Part,
)
from core.understanding.phrase_rules import DOING, Ground, PhraseRules

SKY = frozenset({"sunrise", "sunset", "sun", "moon", "crescent moon", "full moon", "star", "stars",
                 "cloud", "clouds"})  # fmt: skip
"""What a landscape already has, in its sky."""
MOON = "crescent moon"
"""What stands in the sky of a landscape where a prompt names the moon."""
_WORD = re.compile(r"(?<=\s)\S+")
_WITH = re.compile(r"(?:with|mit|con|avec)\b", re.IGNORECASE)


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
        return Composition(tuple(self._unjoined(text)))

    def landscape_of(self, texts: Sequence[str], excludes: Sequence[str]) -> Composition:
        """The landscape that prompts without a thing name, with the moon if they name that."""
        for text in texts:
            _, ground = self._split_ground(text)
            if ground.landscape:
                moonlit = self._names_moon([text]) and not self._names_moon(excludes)
                moon = (Part(MOON, *IN_THE_SKY, WEATHER_SIZE),) if moonlit else ()
                return Composition(moon, landscape=ground.landscape)
        return NOTHING

    def _names_moon(self, texts: Sequence[str]) -> bool:
        return any(rules.moon.search(text) for rules in self._rules for text in texts)

    def says_ground(self, text: str) -> bool:
        """Whether a prompt names a ground."""
        return self._split_ground(text)[1].said

    def without_ground(self, text: str) -> str:
        """A prompt without the ground that it names."""
        return self._split_ground(text)[0]

    def _split_ground(self, text: str) -> tuple[str, Ground]:
        """In the first language in which the prompt names a ground."""
        for rules in self._rules:
            core, ground = rules.split_ground(text, self.is_name, self.things_of)
            if ground.said:
                return core, ground
        return text, Ground()

    def _ground_beside(self, others: Sequence[str]) -> Ground:
        grounds = (self._split_ground(text)[1] for text in others)
        return next((ground for ground in grounds if ground.said), Ground())

    def _composed(self, rules: PhraseRules, core: str, ground: Ground) -> Composition:
        parts = self._parts(rules, core) or (self._unjoined(core) if ground.said else [])
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
    def _rules(self) -> list[PhraseRules]:
        return [PhraseRules(table) for table in self.tables.values()]

    def _parts(self, rules: PhraseRules, text: str) -> list[Part]:
        if self.is_name(text):
            return []
        return self._related(rules, text) or self._alike(rules, text)

    def _related(self, rules: PhraseRules, text: str) -> list[Part]:
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

    def _alike(self, rules: PhraseRules, text: str) -> list[Part]:
        """Several things of one kind, or one that is small or off the middle."""
        for places, size, pattern in rules.places:
            found = pattern.fullmatch(text)
            if found and self.things_of(found["t"]) and not self.things_of(found["other"]):
                first, last = sorted(("t", "other"), key=found.start)
                said = f"{found[first].strip()} {found[last].strip()}".strip()
                return [Part(said, x, y, size) for x, y in places]
        return []

    def _unjoined(self, text: str) -> list[Part]:
        """Two things that no template joins: side by side. "A man with a hat" stays a man.

        Only what is called by its name counts; other words are often about something else.
        """
        named = list(dict.fromkeys(self.called(text)))
        if len(named) != 2:
            return []
        for word in _WORD.finditer(text):
            halves = text[: word.start()], text[word.start() :]
            if [set(self.things_of(half)) for half in halves] == [{name} for name in named]:
                if _WITH.match(word[0]):
                    return []
                both = zip(halves, SEATS[2], strict=True)
                return [Part(said.strip(" ,.;:"), x, y, HALF) for said, (x, y) in both]
        return []

    def _listed(self, text: str) -> list[str]:
        """The things of "a cat, a bird", if there are two or three, else the text itself."""
        parts = [part.strip() for part in re.split(r"[,、]", text) if part.strip()]
        return parts if 1 < len(parts) < 4 and all(map(self.things_of, parts)) else [text]
