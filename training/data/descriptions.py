"""Descriptions of the things and other names for them, in five languages.

They were written for this project, without knowledge of any benchmark's prompts.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.understanding.tokens import fold
from training.data.concepts import LANGUAGES

FILE = Path(__file__).with_name("descriptions.jsonl")


@dataclass(frozen=True, slots=True)
class Description:
    """`texts` and `synonyms` by language; `name` is the thing's English name."""

    name: str
    texts: dict[str, list[str]]
    synonyms: dict[str, list[str]]


@cache
def descriptions() -> dict[str, Description]:
    """The description of each thing, by its English name."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return {each.name: each for each in (Description(**json.loads(line)) for line in lines)}


def texts_by_language(names: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """By language and thing: its descriptions and synonyms; empty for things without any."""
    found = {name: descriptions().get(name, Description(name, {}, {})) for name in names}
    return {
        language: {
            name: [*each.texts.get(language, ()), *each.synonyms.get(language, ())]
            for name, each in found.items()
        }
        for language in LANGUAGES
    }


def written_synonyms(names: Collection[str], taken: AbstractSet[str]) -> dict[str, str]:
    """The English name of the only thing that each folded synonym is listed for.

    Leaves out those that are `taken` by something else, or consist of such words.
    """
    listed = {
        (fold(word), name)
        for name in names
        if name in descriptions()
        for words in descriptions()[name].synonyms.values()
        for word in words
    }
    things = Counter(word for word, _ in listed)
    return {
        word: name
        for word, name in sorted(listed)
        if things[word] == 1
        and word not in taken
        and not set(word.split()) <= taken
        and (len(word) > 2 or not word.isascii())
    }
