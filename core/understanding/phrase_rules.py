"""One language's phrases for where things are and what is behind them, as patterns.

They come from a vocabulary file: templates such as "{a} left of {b}", and words for backgrounds and
landscapes. Their source is `training/data/scenery.toml`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.understanding.composition import CENTRES, FAR, HALF, NEAR, SMALL, Centres
from core.understanding.scenery import ELEMENTS, NEVER, TIMES, SceneryRules, any_of, edged

PLACES = {
    "left": (NEAR, 0.5),
    "right": (FAR, 0.5),
    "top": (0.5, NEAR),
    "bottom": (0.5, FAR),
}
LANDSCAPES = ("night", "sunset", "day", "snow", "sea", "hills")
"""The landscapes that a language may have phrases for, in the order in which they are matched."""
DOING = "doing"
"""The relation of a thing that does something to another."""
CUE_DISTANCE = 40
"""The most characters between a colour and a word that makes it the colour of the background."""
BETWEEN_THINGS = "and|or|with|of|und|oder|mit|von|y|o|con|de|et|ou|avec"
"""Words that are not adjectives of a landscape: another thing comes before them."""
_ENDS = r"(?=\s*(?:[,.:;!?+/|&)]|$))"
_NEXT_WORD = re.compile(r"[\s-]+[\w'-]+")


@dataclass(frozen=True, slots=True)
class Background:
    """The background that a prompt names: a colour, land and time of day, by their English names.

    `elements` are those of the landscape, each with the English name of its colour, or "".
    """

    colour: str = ""
    land: str = ""
    time: str = ""
    elements: Mapping[str, str] = field(default_factory=dict)

    @property
    def named(self) -> bool:
        """Whether the prompt names a background."""
        return bool(self.colour or self.land or self.time)

    @property
    def landscape(self) -> str:
        """A prompt for the landscape, or ""."""
        if not self.land and not self.time:
            return ""
        return f"{self.land or 'hills'} {TIMES[self.time or 'day']}"


class PhraseRules:
    """One language's templates as patterns."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        colours = [form for forms in table["colours"].values() for form in forms.split("/")]
        self._colours = "|".join(map(re.escape, sorted(colours, key=len, reverse=True)))
        scenery = table["scenery"]
        self._verb = scenery.get("verb", NEVER)
        above = ((0.5, NEAR), (0.5, FAR))
        self.relations = [
            (name, centres, self._pattern(template))
            for name, centres in (
                *(("left", CENTRES[2]), ("above", above), ("and", CENTRES[2])),
                *(("on", above), (DOING, CENTRES[2])),
            )
            for template in sorted(table.get(name, ()), key=len, reverse=True)
        ]
        self.places = [
            (places, size, self._at_edge(template))
            for places, size, templates in self._alike_in(table)
            for template in sorted(templates, key=len, reverse=True)
        ]
        self._backgrounds = [self._pattern(template) for template in table["ground"]]
        joined = rf"(?:[\s,、]|{edged(any_of(scenery['joining']))})+"
        self._coloured_background = self._coloured(scenery["background"], scenery["links"])
        self._dangling = re.compile(rf"^{joined}|{joined}$", re.IGNORECASE)
        self._scenery = [
            (kind, re.compile(pattern, re.IGNORECASE))
            for kind in LANDSCAPES
            for pattern in (
                edged(any_of(scenery[kind])),
                edged(self._placed_in(scenery, kind)),
                self._by_itself(scenery, kind),
            )
        ]
        self._on_colour = re.compile(
            rf"{edged(any_of(scenery['onto']))}\s+(?:{any_of(scenery['links'])}\s+)*"
            rf"(?P<c>{self._colours}){_ENDS}",
            re.IGNORECASE,
        )
        self._cue = re.compile(
            edged(any_of([*scenery["background"], *scenery["cues"]])), re.IGNORECASE
        )
        self._colour = re.compile(edged(self._colours), re.IGNORECASE)
        self._colour_names = {
            form.casefold(): name
            for name, forms in table["colours"].items()
            for form in forms.split("/")
        }
        self.scenery = SceneryRules(scenery, self._scenery, self._colour_names)

    def colours_in(self, text: str) -> set[str]:
        """The English names of all colours that the text names."""
        return {self._colour_names[found[0].casefold()] for found in self._colour.finditer(text)}

    def without_colours(self, text: str) -> str:
        """The text without the colours that it names."""
        return " ".join(self._colour.sub(" ", text).split())

    def split_background(
        self,
        text: str,
        is_name: Callable[[str], bool],
        things_of: Callable[[str], Collection[str]],
    ) -> tuple[str, Background]:
        """Returns the prompt without its background, and the background. Names are not split."""
        background = Background()
        while not is_name(text) and (
            found := self._background_of(text)
            or (not background.named and self._cued(text, things_of))
        ):
            text, more = found
            background = Background(
                colour=background.colour or more.colour,
                land=background.land or more.land,
                time=background.time or more.time,
                elements={**background.elements, **more.elements},
            )
        return text, background

    def _background_of(self, text: str) -> tuple[str, Background] | None:
        for pattern in self._backgrounds:
            if found := pattern.fullmatch(text):
                return found["t"], Background(colour=self._colour_names[found["c"].casefold()])
        if found := self._coloured_background.search(text) or self._on_colour.search(text):
            colour = self._colour_names[next(filter(None, found.groups())).casefold()]
            around = (text[: found.start()], text[found.end() :])
            return self._rest(around), Background(colour=colour)
        for kind, pattern in self._scenery:
            if found := pattern.search(text):
                background = Background(time=kind) if kind in TIMES else Background(land=kind)
                rest = " ".join((text[: found.start()], text[found.end() :]))
                return " ".join(rest.split()).strip(" ,、"), replace(
                    background, elements=self.scenery.elements_in(found[0])
                )
        return None

    def _cued(
        self, text: str, things_of: Callable[[str], Collection[str]]
    ) -> tuple[str, Background] | None:
        """A colour near a word for what is behind, such as "make everything behind it red".

        A colour directly before the name of a thing belongs to the thing.
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
            return self._rest(rest), Background(colour=self._colour_names[colour[0].casefold()])
        return None

    def without_scenery(
        self, text: str, things_of: Callable[[str], Collection[str]]
    ) -> tuple[str, Mapping[str, str]]:
        """A subject without what is behind it in a landscape, such as "under clouds", and that.

        All of the text, if another thing is meant or if nothing else is in it.
        """
        rest, behind = self.scenery.without_scenery(text)
        things = {ELEMENTS[name].thing for name in behind}
        if behind and things_of(rest) and set(things_of(rest)) >= set(things_of(text)) - things:
            return self._dangling.sub("", rest.strip()).strip(), behind
        return text, {}

    def _rest(self, around: Sequence[str]) -> str:
        """The prompt on all sides of its background, without the words that join them."""
        return " ".join(filter(None, (self._dangling.sub("", side) for side in around))).strip()

    def _coloured(self, nouns: Iterable[str], links: Iterable[str]) -> re.Pattern[str]:
        """A pattern for a colour with a word for a background, in either order."""
        noun = any_of(nouns)
        before = rf"(?P<c>{self._colours})(?:[ -]?colou?red|の|色の)?\s?{noun}"
        after = rf"{noun}\s?(?:{any_of(links)}\s?)*(?P<d>{self._colours})"
        return re.compile(edged(f"{before}|{after}"), re.IGNORECASE)

    @staticmethod
    def _placed_in(scenery: Mapping[str, Any], kind: str) -> str:
        """A pattern for a landscape's noun with words that make it a place: "in the hills"."""
        noun = any_of(scenery["nouns"][kind])
        if "postpositions" in scenery:
            return f"{noun}{any_of(scenery['postpositions'])}"
        preposition, article = any_of(scenery["prepositions"]), any_of(scenery["articles"])
        other = rf"(?!(?:{preposition}|{BETWEEN_THINGS})\s)[\w'-]+\s+"
        return rf"{preposition}\s+(?:{article}\s+|[ld]')?(?:{other}){{0,2}}?{noun}"

    @staticmethod
    def _by_itself(scenery: Mapping[str, Any], kind: str) -> str:
        """A pattern for a landscape on its own, as in "beach, night" or "winter scene".

        With an article it would be a thing, as in "a cat, a mountain".
        """
        noun, scene = any_of(scenery["nouns"][kind]), any_of(scenery["scenes"])
        if "postpositions" in scenery:
            return (
                rf"(?:^|(?<=[\s,.:、。]))(?:[^\s,.:、。]{{0,3}}の)?{noun}(?=[\s,.:、。]|{scene}|$)"
            )
        words = (*scenery["articles"], *scenery["prepositions"], *BETWEEN_THINGS.split("|"))
        other = rf"(?!{any_of(words)}\s)[\w'-]+\s+"
        placed = rf"(?:^|[,.:;!?+/|&])\s*(?:{other}){{0,2}}{noun}(?:\s+{scene})?{_ENDS}"
        titled = edged(rf"(?:{other})?{noun}\s+{scene}")
        return f"{placed}|{titled}"

    @staticmethod
    def _alike_in(table: Mapping[str, Any]) -> Iterator[tuple[Centres, float, Sequence[str]]]:
        """The centres and sizes of things of one kind, and the templates for them."""
        for number, templates in table["numbers"].items():
            yield CENTRES[int(number)], HALF, templates
        for place, templates in table["place"].items():
            yield (PLACES[place],), HALF, templates
        yield ((0.5, 0.5),), SMALL, table["size"]["small"]

    def _pattern(self, template: str) -> re.Pattern[str]:
        return re.compile(self._filled(template), re.IGNORECASE)

    def _at_edge(self, template: str) -> re.Pattern[str]:
        """Like `_pattern`, but `other` words may be on the side of the template without {t}."""
        filled = self._filled(template)
        if template.startswith("{t}"):
            return re.compile(rf"{filled}(?![a-zà-ÿ])(?P<other>.*)", re.IGNORECASE)
        return re.compile(rf"(?P<other>.*?)(?<![a-zà-ÿ]){filled}", re.IGNORECASE)

    def _filled(self, template: str) -> str:
        escaped = re.escape(template).replace(r"\{c\}", f"(?P<c>{self._colours})")
        escaped = escaped.replace(r"\{v\}", f"(?:{self._verb})")
        escaped = re.sub(r"\\\{(\w)\\\}s$", r"(?P<\1>.+)", escaped)  # any plural
        return re.sub(r"\\\{(\w)\\\}", r"(?P<\1>.+)", escaped)
