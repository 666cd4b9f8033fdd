"""Pairs of texts for the text tower: what a member may write, and an English equivalent.

They are names, keywords and captions in five languages, WordNet's nouns with their definitions,
plurals, and copies with typos.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from training.data.captions import Captions, typos
from training.data.concepts import LANGUAGES, specific_keywords
from training.data.download import fetch
from training.data.scenes import Scene
from training.data.sources import sources

Pair = tuple[str, str]
"""A text in any language, and an English equivalent."""

_LEXICOGRAPHER_FILES = frozenset({"05", "06", "08", "13", "17", "18", "19", "20", "25", "27"})
"""WordNet's files of nouns for animals, artefacts, body parts, food, natural objects, people,
phenomena, plants, shapes and substances: visible things."""


def name_pairs(captions: Captions) -> list[Pair]:
    """Every name and every specific keyword of every concept, in all languages."""
    concepts = captions.images.concepts
    found: list[Pair] = []
    for language in LANGUAGES:
        specific = specific_keywords(concepts, language)
        for concept in concepts:
            found.append((concept.names[language], concept.name))
            found += [(w, concept.name) for w in concept.keywords[language] if w in specific]
    found += [(word, word) for c in concepts for word in c.keywords["en"]]
    found += [(plural(c.name), c.name) for c in concepts]
    return list(dict.fromkeys(found))


def caption_pairs(captions: Captions, scenes: list[Scene], per_scene: int, seed: int) -> list[Pair]:
    """Captions of scenes, half of them English."""
    random = Random(f"captions-{seed}")
    foreign = [language for language in LANGUAGES if language != "en"]
    found = []
    for scene in scenes:
        for _ in range(per_scene):
            language = "en" if random.random() < 0.5 else random.choice(foreign)
            caption = captions.caption(scene, random, language)
            found.append((caption.text, caption.english))
    return found


def wordnet(cache: Path) -> list[tuple[list[str], str]]:
    """(lemmas, definition) of every noun that names something visible."""
    data = fetch(sources().find("wordnet"), cache) / "usr/share/wordnet/data.noun"
    return list(_synsets(data))


def stop_words(cache: Path) -> set[str]:
    """Stop words of all languages."""
    file = fetch(sources().find("stop-words"), cache) / "stopwordsiso/stopwords-iso.json"
    table = json.loads(file.read_text(encoding="utf-8"))
    return {word for language in LANGUAGES for word in table[language]}


def _synsets(data: Path) -> Iterator[tuple[list[str], str]]:
    for line in data.read_text().splitlines():
        if line.startswith("  "):
            continue
        fields, _, gloss = line.partition(" | ")
        parts = fields.split()
        if parts[1] not in _LEXICOGRAPHER_FILES:
            continue
        lemmas = [parts[4 + 2 * i].replace("_", " ") for i in range(int(parts[3], 16))]
        lemmas = [w for w in lemmas if re.fullmatch(r"[a-z][a-z' -]{1,24}", w)]
        definition = re.split(r'; "|; (?=[a-z]+ \w+ )', gloss)[0].strip()
        if lemmas:
            yield lemmas, definition


def synonyms(names: set[str], synsets: list[tuple[list[str], str]]) -> dict[str, list[str]]:
    """By name, the other lemmas of its first synset that has any."""
    table: dict[str, list[str]] = {}
    for lemmas, _ in synsets:
        for name in lemmas:
            others = [lemma for lemma in lemmas if lemma != name]
            if name in names and others:
                table.setdefault(name, others)
    return table


def with_typos(pairs: list[Pair], random: Random) -> list[Pair]:
    """Some of the pairs, with a typo."""
    mistyped = ((typos(text, random), english) for text, english in pairs)
    return [pair for pair, original in zip(mistyped, pairs, strict=True) if pair != original]


def plural(name: str) -> str:
    """The regular English plural."""
    if re.search(r"(s|x|z|ch|sh)$", name):
        return name + "es"
    if re.search(r"[^aeiou]y$", name):
        return name[:-1] + "ies"
    return name + "s"
