"""English definitions of words and things, from which word vectors learn.

They come from WordNet and from CLDR's keywords.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from torch import Tensor

from core.understanding.tokens import fold
from training.data.concepts import Concept
from training.data.download import fetch
from training.data.sources import sources
from training.data.teachers import SentenceEncoder

PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")
"""WordNet's files."""

SAMPLED = 20_000
"""The number of sampled definitions, of all parts of speech."""

_SLUR = re.compile(r"slur|offensive|disparaging|derogatory|obscene|vulgar")


def definitions(cache: Path, synsets: list[tuple[list[str], str]]) -> list[str]:
    """The definitions of these synsets, with and without a lemma, and a sample of all definitions.

    The sample includes WordNet's examples.
    """
    texts = [text for _, text in _glosses(cache)]
    return [
        *(definition for _, definition in synsets),
        *(f"{lemmas[0]}, {definition}" for lemmas, definition in synsets),
        *Random("definitions").sample(texts, SAMPLED),
    ]


def wordnet_texts(cache: Path) -> list[str]:
    """All lemmas and definitions of WordNet, to count words in."""
    return [f"{' '.join(lemmas)} {text}" for lemmas, text in _glosses(cache)]


def _glosses(cache: Path) -> Iterator[tuple[list[str], str]]:
    folder = fetch(sources().find("wordnet"), cache) / "usr/share/wordnet"
    for part in PARTS_OF_SPEECH:
        for line in (folder / f"data.{part}").read_text().splitlines():
            if not line.startswith("  "):
                fields = line.split()
                lemmas = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
                yield [word.replace("_", " ") for word in lemmas], line.partition(" | ")[2].strip()


def meanings(
    things: Sequence[Concept], synsets: list[tuple[list[str], str]], encoder: SentenceEncoder
) -> list[str]:
    """Each thing as "name: keywords. definition".

    Of a name's definitions, it uses the one nearest to the name with its keywords.
    """
    by_lemma: defaultdict[str, list[str]] = defaultdict(list)
    for lemmas, definition in synsets:
        for lemma in lemmas:
            if not _SLUR.search(definition):
                by_lemma[fold(lemma)].append(definition)
    descriptions = [f"{thing.name}: {', '.join(thing.keywords['en'])}" for thing in things]
    found = [_definitions_of(thing.name, by_lemma) for thing in things]
    names = encoder(descriptions)
    embedded = encoder([definition for each in found for definition in each])
    return [
        f"{text}. {_nearest(name, each, near)}" if each else text
        for text, name, each, near in zip(
            descriptions, names, found, embedded.split([len(each) for each in found]), strict=True
        )
    ]


def _definitions_of(name: str, by_lemma: dict[str, list[str]]) -> list[str]:
    """The definitions of a name, or else of the part before a colon, or of its last word."""
    folded = fold(name)
    for form in (folded, folded.split(":")[0], folded.removesuffix(" face"), folded.split()[-1]):
        if form in by_lemma:
            return by_lemma[form]
    return []


def _nearest(name: Tensor, texts: list[str], embedded: Tensor) -> str:
    return texts[int((embedded @ name).argmax())]
