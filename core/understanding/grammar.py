"""Parses a prompt into a composition, with the phrases of all languages."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any

from core.understanding.composition import (
    CENTRES,
    HALF,
    LAND_SIZE,
    NOTHING,
    ON_LAND,
    Colour,
    Composition,
    Part,
)
from core.understanding.phrase_rules import DOING, Background, PhraseRules
from core.understanding.scenery import ELEMENTS, scenery_parts

SKY = frozenset({"sunrise", "sunset", "sun", "moon", "crescent moon", "full moon", "star", "stars",
                 "cloud", "clouds"})  # fmt: skip
"""Things that are not placed on land."""
UNCOLOURED = frozenset({"black", "white", "gray", "lightgray", "darkgray"})
_WORD = re.compile(r"(?<=\s)\S+")
_WITH = re.compile(r"(?:with|mit|con|avec)\b", re.IGNORECASE)


class Grammar:
    """Parses prompts.

    `tables` has, by language, the templates for `ground`, `left`, `above`, `and` and so on.
    `colours` are those of backgrounds, by their English names. `things_of` returns the things and
    shapes that a text names, in English. `is_name` returns whether a whole text is one name.
    `english_names` returns the things of a text if it calls all of them by their English names.
    """

    def __init__(
        self,
        tables: Mapping[str, Mapping[str, Any]],
        colours: Mapping[str, Colour],
        things_of: Callable[[str], Collection[str]],
        is_name: Callable[[str], bool],
        english_names: Callable[[str], Sequence[str]],
    ) -> None:
        self.tables, self.colours = tables, colours
        self.things_of, self.is_name, self.english_names = things_of, is_name, english_names

    def with_things_of(self, things_of: Callable[[str], Collection[str]]) -> "Grammar":
        """A copy with another function to find the things of a text."""
        grammar = copy(self)
        grammar.things_of = things_of
        return grammar

    def compose(self, text: str, others: Sequence[str] = ()) -> Composition:
        """The parts of a prompt and their background; nothing if it shows one thing in the middle.

        If the prompt names no background, that of `others`, the other prompts, is used.
        """
        text = text.strip(" .,!?。\uff01\uff1f")  # full-width marks, too
        other = self._background_from(others)
        if not self.things_of(text) or (self.is_name(text) and not other.named):
            return NOTHING
        for rules in self._rules:
            core, background = rules.split_background(text, self.is_name, self.things_of)
            background = background if background.named else other
            if self.things_of(core) and (found := self._composed(rules, core, background)):
                return found
        return Composition(tuple(self._unjoined(text)))

    def landscape_of(self, texts: Sequence[str]) -> Composition:
        """The landscape that prompts without things name."""
        for text in texts:
            _, background = self._split_background(text)
            if background.landscape:
                return Composition(landscape=background.landscape)
        return NOTHING

    def scenery_of(self, text: str) -> Composition:
        """The landscape of a prompt that names nothing but a landscape's elements."""
        for rules in self._rules:
            scenery = rules.scenery.scenery_of(text)
            if scenery.is_landscape and not self.things_of(scenery.rest):
                return scenery.composition
        return NOTHING

    def elements_in(self, text: str) -> set[str]:
        """The English names of the things that a text's words for elements of landscapes mean.

        "Moon" means a full moon, too.
        """
        named = {name for rules in self._rules for name in rules.scenery.elements_in(text)}
        return {
            element.thing
            for name, element in ELEMENTS.items()
            if any(name.endswith(each) for each in named)
        }

    def names_background(self, text: str) -> bool:
        """Whether a prompt names a background."""
        return self._split_background(text)[1].named

    def without_background(self, text: str) -> str:
        """A prompt without the background that it names."""
        return self._split_background(text)[0]

    def _split_background(self, text: str) -> tuple[str, Background]:
        """Splits in the first language in which the prompt names a background."""
        for rules in self._rules:
            core, background = rules.split_background(text, self.is_name, self.things_of)
            if background.named:
                return core, background
        return text, Background()

    def _background_from(self, others: Sequence[str]) -> Background:
        backgrounds = (self._split_background(text)[1] for text in others)
        return next((background for background in backgrounds if background.named), Background())

    def names_colours(self, texts: Sequence[str]) -> bool:
        """Whether the texts name any colour other than black, white and gray."""
        return not set().union(*map(self.colours_in, texts)) <= UNCOLOURED

    def colours_in(self, text: str) -> set[str]:
        """The English names of all colours that a text names."""
        return set().union(*(rules.colours_in(text) for rules in self._rules))

    def without_colours(self, text: str) -> str:
        """A text without the colours that it names."""
        for rules in self._rules:
            text = rules.without_colours(text)
        return text

    def _composed(self, rules: PhraseRules, core: str, background: Background) -> Composition:
        landscape, elements = background.landscape, background.elements
        if landscape:
            core, behind = rules.without_scenery(core, self.things_of)
            elements = {**elements, **behind}
        parts = self._parts(rules, core) or (self._unjoined(core) if background.named else [])
        if landscape and SKY.issuperset(self.things_of(core)):
            return NOTHING
        if not parts and landscape:
            parts = [Part(core, *ON_LAND, LAND_SIZE)]
        elif not parts and background.colour:
            parts = [Part(core, 0.5, 0.5, 1.0)]
        colour = self.colours.get(background.colour) if not landscape else None
        scenery = scenery_parts(elements, background.time or "day") if landscape else ()
        return Composition(tuple(parts), colour, landscape, scenery)

    @cached_property
    def _rules(self) -> list[PhraseRules]:
        return [PhraseRules(table) for table in self.tables.values()]

    def _parts(self, rules: PhraseRules, text: str) -> list[Part]:
        if self.is_name(text):
            return []
        return self._related(rules, text) or self._alike(rules, text)

    def _related(self, rules: PhraseRules, text: str) -> list[Part]:
        """Several things next to or above each other."""
        for relation, pair, pattern in rules.relations:
            found = pattern.fullmatch(text)
            if found and self._are_two(text, found["a"], found["b"], relation):
                named = [*self._listed(found["a"]), found["b"]]
                centres = pair if len(named) == 2 else CENTRES[len(named)]
                return [Part(t, x, y, HALF) for t, (x, y) in zip(named, centres, strict=True)]
        return []

    def _are_two(self, text: str, first: str, second: str, relation: str) -> bool:
        """Whether each part names a thing and no name spans both, such as "a person rowing a boat".

        If both parts mean the same thing, they are not two: "a wizard casting a spell".
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
                words = f"{found[first].strip()} {found[last].strip()}".strip()
                return [Part(words, x, y, size) for x, y in places]
        return []

    def _unjoined(self, text: str) -> list[Part]:
        """Two things that no template joins, side by side. "A man with a hat" stays a man.

        Only things called by their names count: other words often mean something else.
        """
        named = list(dict.fromkeys(self.english_names(text)))
        if len(named) != 2:
            return []
        for word in _WORD.finditer(text):
            halves = text[: word.start()], text[word.start() :]
            if [set(self.things_of(half)) for half in halves] == [{name} for name in named]:
                if _WITH.match(word[0]):
                    return []
                both = zip(halves, CENTRES[2], strict=True)
                return [Part(half.strip(" ,.;:"), x, y, HALF) for half, (x, y) in both]
        return []

    def _listed(self, text: str) -> list[str]:
        """The things of "a cat, a bird" if there are two or three; else the text itself."""
        parts = [part.strip() for part in re.split(r"[,、]", text) if part.strip()]
        return parts if 1 < len(parts) < 4 and all(map(self.things_of, parts)) else [text]
