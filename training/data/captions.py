"""Captions of composed scenes in five languages, each with an equivalent English caption.

The sentence encoder embeds the English one; the text tower learns to embed the other one in the
same way. Captions call things by CLDR's names, or by keywords that few other things share.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from training.data import drawn_captions
from training.data.concepts import LANGUAGES, Concept, specific_keywords
from training.data.scenes import Scene, SceneMaker, Thing

WORDS = Path(__file__).with_name("words.toml")

OPENINGS = ("a picture of {}", "an image of {}", "a drawing of {}", "a photo of {}", "{}, please")


@dataclass(frozen=True, slots=True)
class Caption:
    """A `text` in `language`, and an equivalent `english` one."""

    text: str
    english: str
    language: str


@cache
def words() -> dict[str, dict[str, Any]]:
    return tomllib.loads(WORDS.read_text())


class Captions:
    """Writes captions of the scenes that a `SceneMaker` draws.

    `synonyms` are other English words for things, by their English names.
    """

    def __init__(self, maker: SceneMaker, synonyms: dict[str, list[str]] | None = None) -> None:
        self.maker, self.images = maker, maker.images
        concepts = self.images.concepts
        self._specific = {lang: specific_keywords(concepts, lang) for lang in LANGUAGES}
        self._synonyms = synonyms or {}
        by_name = {concept.name: concept for concept in concepts}
        self._whole_animals = {
            f"{name} face": concept
            for name, concept in by_name.items()
            if f"{name} face" in by_name
        }

    def caption(self, scene: Scene, random: Random, language: str = "en") -> Caption:
        """One caption, long or short, of a scene."""
        if scene.drawn:
            return self._caption_of_drawn(scene, random, language)
        names = [self._names(thing, random, language) for thing in scene.things]
        text, english = ([name[i] for name in names] for i in (0, 1))
        phrase = self._phrase(scene, random)
        written = phrase(text, language, Random(random.getrandbits(32)))
        return Caption(typos(written, random), phrase(english, "en", Random(1)), language)

    def _names(self, thing: Thing, random: Random, language: str) -> tuple[str, str]:
        """A name of the thing in the language, and its English name."""
        concept = int(self.images.concept[thing.image])
        if concept < 0:
            title = self.images.titles[thing.image]
            return title, title
        return self.name(self.images.concepts[concept], random, language)

    def name(self, concept: Concept, random: Random, language: str) -> tuple[str, str]:
        """A label, keyword or synonym of a concept, and its English name.

        An animal's face may get the animal's name, because a request for a cat may get either.
        """
        animal = self._whole_animals.get(concept.name)
        if animal and random.random() < 0.5:
            concept = animal
        keywords = [w for w in concept.keywords[language] if w in self._specific[language]]
        if language == "en" and random.random() < 0.15 and concept.name in self._synonyms:
            return random.choice(self._synonyms[concept.name]), concept.name
        if keywords and random.random() < 0.25:
            return random.choice(keywords), concept.name
        return concept.names[language], concept.name

    def _phrase(self, scene: Scene, random: Random) -> Callable[[list[str], str, Random], str]:
        """Chooses which parts of a scene a caption mentions; returns a writer for any language."""
        with_ground = scene.landscape is None and (
            random.random() < (0.9 if scene.ground != "white" else 0.25)
        )
        with_style, with_relation = random.random() < 0.12, random.random() < 0.7
        with_time, with_land = random.random() < 0.6, random.random() < 0.9
        style = self.maker.style(scene.things[0].image)
        style = style if with_style and style in words()["en"]["style"] else ""

        def phrase(names: list[str], language: str, rng: Random) -> str:
            table = words()[language]
            parts = [
                _article(_coloured(name, thing.colour, table, rng), table, language, rng)
                if len(scene.things) < 3
                else name
                for name, thing in zip(names, scene.things, strict=False)
            ]
            if scene.relation:
                forms = table[scene.relation] if with_relation else table["and"]
                text = rng.choice(forms).format(a=parts[0], b=parts[1])
            elif len(scene.things) > 1:
                named = _coloured(names[0], scene.things[0].colour, table, rng)
                text = table["numbers"][str(len(scene.things))].format(t=named)
            else:
                text = parts[0]
            if scene.size_word:
                text = rng.choice(table["size"][scene.size_word]).format(t=_bare(text, table))
            if scene.place:
                text = table["place"][scene.place].format(t=text)
            if scene.landscape and with_land:
                text = table["land"][scene.landscape.land].format(t=text)
            if scene.landscape and with_time:
                text = table["time"][scene.landscape.time].format(t=text)
            if style:
                text = table["style"][style].format(t=_bare(text, table))
            if with_ground:
                colour = rng.choice(table["colours"][scene.ground].split("/"))
                text = rng.choice(table["ground"]).format(t=text, c=colour)
            if scene.watermark:
                text = rng.choice(table["watermark"]).format(t=text)
            return re.sub(r"\s+", " ", text).strip()

        return phrase

    def _caption_of_drawn(self, scene: Scene, random: Random, language: str) -> Caption:
        """A caption of shapes or a landscape: detailed in English, short in other languages."""
        assert scene.drawn
        drawn = scene.drawn
        english = drawn_captions.caption(drawn, random).text
        if language == "en":
            return Caption(typos(english, random), english, "en")
        table = words()[language]
        if drawn.is_landscape:
            shown = [table["elements"][e] for e in sorted(drawn.elements)]
            plain = sorted(drawn.elements)
            text = ", ".join([table["lands"][drawn.land], *shown])
            english = ", ".join([drawn.land, *plain])
            return Caption(
                table["time"][drawn.time].format(t=text),
                words()["en"]["time"][drawn.time].format(t=english),
                language,
            )
        figures = [(f.shape, f.colour) for f in drawn.figures]
        named = [_coloured(table["shapes"][s], c, table, random) for s, c in figures]
        plain = [f"{c} {s}" for s, c in figures]
        if len(set(figures)) == 1 and len(figures) > 1:
            text = table["numbers"][str(len(figures))].format(t=named[0])
            english = words()["en"]["numbers"][str(len(figures))].format(t=plain[0])
        elif len(figures) == 2:
            text = table["and"][0].format(a=named[0], b=named[1])
            english = f"{plain[0]} and {plain[1]}"
        else:
            text, english = named[0], plain[0]
        if random.random() < 0.7:
            colour = random.choice(table["colours"][drawn.ground].split("/"))
            text = random.choice(table["ground"]).format(t=text, c=colour)
            english = f"{english} on a {drawn.ground} background"
        return Caption(text, english, language)


def _article(text: str, table: dict[str, Any], language: str, rng: Random) -> str:
    article = rng.choice(table["articles"]) if rng.random() < 0.7 else ""
    if language == "en" and article == "a" and text[:1].lower() in "aeiou":
        article = "an"
    return f"{article} {text}".strip()


def _bare(text: str, table: dict[str, Any]) -> str:
    first, _, rest = text.partition(" ")
    return rest if rest and first in (*table["articles"], "an") else text


def _coloured(name: str, colour: str, table: dict[str, Any], rng: Random) -> str:
    if not colour:
        return name
    form = rng.choice(table["colours"][colour].split("/"))
    text: str = rng.choice(table["colour"]).format(c=form, t=name)
    return text


def typos(text: str, random: Random) -> str:
    """Makes an occasional typo: a letter is missing, doubled or swapped with the next."""
    if random.random() > 0.06 or len(text) < 5 or not text.isascii():
        return text
    place = random.randrange(1, len(text) - 1)
    match random.randrange(3):
        case 0:
            return text[:place] + text[place + 1 :]
        case 1:
            return text[:place] + text[place] + text[place:]
        case _:
            return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
