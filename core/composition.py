"""Where the things of a prompt stand, read from its words.

"A cat left of a dog on a blue background" shows two things, each on blue: the parts "a cat on a
blue background" and "a dog on a blue background", side by side. A vocabulary file brings the
grammar: templates of phrases by language, such as "{a} left of {b}".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

NEAR, FAR = 0.27, 0.73
"""Centres of two things beside each other, as shares of the side."""
HALF = 0.48
"""Side of one of several things, likewise."""
SMALL = 0.45
"""Side of a thing that is asked for as small."""
SEATS = {
    2: ((NEAR, 0.5), (FAR, 0.5)),
    3: ((NEAR, NEAR), (FAR, NEAR), (0.5, FAR)),
    4: ((NEAR, NEAR), (FAR, NEAR), (NEAR, FAR), (FAR, FAR)),
}
"""Centres of several things by their number."""
PLACES = {
    "left": (NEAR, 0.5),
    "right": (FAR, 0.5),
    "top": (0.5, NEAR),
    "bottom": (0.5, FAR),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing of an image: what it shows, its centre and its side as shares of the image's."""

    text: str
    x: float
    y: float
    size: float


class Grammar:
    """`tables` hold, by language, the templates of `ground`, `left`, `above`, `and` and so on.

    `names_thing` says whether a text names a thing, and `is_name` whether all of it is one name.
    """

    def __init__(
        self,
        tables: Mapping[str, Mapping[str, Any]],
        names_thing: Callable[[str], bool],
        is_name: Callable[[str], bool],
    ) -> None:
        self.tables = tables
        self.names_thing, self.is_name = names_thing, is_name

    def compose(self, text: str) -> tuple[Part, ...]:
        """The parts of a prompt; none if it shows one thing in the middle, or only shapes."""
        if not self.is_name(text) and self.names_thing(text):
            for rules in self._rules:
                core, ground = rules.split_ground(text.strip(" .!"))
                if parts := self._parts(rules, core):
                    return tuple(replace(p, text=ground.replace("{t}", p.text)) for p in parts)
        return ()

    @cached_property
    def _rules(self) -> list["_Rules"]:
        return [_Rules(table) for table in self.tables.values()]

    def _parts(self, rules: "_Rules", text: str) -> list[Part]:
        if self.is_name(text):
            return []
        for seats, pattern in rules.relations:
            found = pattern.fullmatch(text)
            if found and self.names_thing(found["a"]) and self.names_thing(found["b"]):
                named = [*self._listed(found["a"]), found["b"]]
                centres = seats if len(named) == 2 else SEATS[len(named)]
                return [Part(t, x, y, HALF) for t, (x, y) in zip(named, centres, strict=True)]
        for count, pattern in rules.numbers:
            if (found := pattern.fullmatch(text)) and self.names_thing(found["t"]):
                return [Part(found["t"], x, y, HALF) for x, y in SEATS[count]]
        for (x, y), pattern in rules.places:
            if (found := pattern.fullmatch(text)) and self.names_thing(found["t"]):
                return [Part(found["t"], x, y, HALF)]
        for pattern in rules.small:
            if (found := pattern.fullmatch(text)) and self.names_thing(found["t"]):
                return [Part(found["t"], 0.5, 0.5, SMALL)]
        return []

    def _listed(self, text: str) -> list[str]:
        """The things of "a cat, a bird", if there are two or three, else the text itself."""
        parts = [part.strip() for part in re.split(r"[,、]", text) if part.strip()]
        return parts if 1 < len(parts) < 4 and all(map(self.names_thing, parts)) else [text]


class _Rules:
    """One language's templates as patterns."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        colours = [form for forms in table["colours"].values() for form in forms.split("/")]
        self._colours = "|".join(map(re.escape, sorted(colours, key=len, reverse=True)))
        above = ((0.5, NEAR), (0.5, FAR))
        self.relations = [
            (seats, self._pattern(template))
            for name, seats in (("left", SEATS[2]), ("above", above), ("and", SEATS[2]))
            for template in sorted(table[name], key=len, reverse=True)
        ]
        self.numbers = [(int(n), self._pattern(t)) for n, t in table["numbers"].items()]
        self.places = [(PLACES[name], self._pattern(t)) for name, t in table["place"].items()]
        article = "|".join(map(re.escape, filter(None, table["articles"])))
        optional = f"(?:(?:{article}) )?" if article else ""
        self.small = [self._pattern(template, optional) for template in table["size"]["small"]]
        self._grounds = [(t, self._pattern(t)) for t in table["ground"]]

    def split_ground(self, text: str) -> tuple[str, str]:
        """A prompt without what it says of the ground, and that as a template of {t}."""
        for template, pattern in self._grounds:
            if found := pattern.fullmatch(text):
                return found["t"], template.replace("{c}", found["c"])
        return text, "{t}"

    def _pattern(self, template: str, before: str = "") -> re.Pattern[str]:
        escaped = re.escape(template).replace(r"\{c\}", f"(?P<c>{self._colours})")
        escaped = re.sub(r"\\\{(\w)\\\}s$", r"(?P<\1>.+)", escaped)  # a plural, however it is made
        escaped = re.sub(r"\\\{(\w)\\\}", r"(?P<\1>.+)", escaped)
        return re.compile(before + escaped, re.IGNORECASE)
