"""`python -m bench.quality.understanding`: how often the vocabulary finds what a prompt asks for.

It asks for every thing by its name, in five languages, in the phrasings of `held_out.toml`, and for
some by its descriptions. To count, the right thing must be found, and no other one. The vocabulary
has words that were added for the practice phrasings; a few of them occur in the held-out ones, too.
How near a description must be to a thing was chosen by the practice descriptions.

Sentences of `sentences.toml` ask for some of the things, and mention others.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from bench.markdown import table
from bench.quality.thing_requests import HELD_OUT
from core.vocabulary import Vocabulary, vocabulary_of
from training.data.drawn_captions import with_article

SENTENCES = Path(__file__).with_name("sentences.toml")
THINGS_EACH = 4
"""Things that each sentence asks for."""
LANGUAGES = {"en": "English", "de": "German", "es": "Spanish", "fr": "French", "ja": "Japanese"}


Prompts = Mapping[str, Any]
"""One part of `held_out.toml`."""


def found(vocabulary: Vocabulary, language: str, prompts: Prompts) -> Iterator[bool]:
    """For each thing, asked for in each phrasing: whether it alone is found."""
    for name in vocabulary.labels[language]:
        for phrasing in prompts["phrasings"][language]:
            yield _found(vocabulary, language, phrasing, name)


def found_in_sentences(vocabulary: Vocabulary, language: str, prompts: Prompts) -> Iterator[bool]:
    """For each sentence and some things: whether that thing alone is found."""
    random, names = Random("sentences"), list(vocabulary.labels[language])
    for sentence in prompts[language]:
        for name in random.sample(names, THINGS_EACH):
            yield _found(vocabulary, language, sentence, name)


def _found(vocabulary: Vocabulary, language: str, phrasing: str, name: str) -> bool:
    label = vocabulary.labels[language][name]
    called = with_article(label) if language == "en" else label
    return vocabulary.understand(phrasing.replace("{t}", called)).things == (name,)


def described(vocabulary: Vocabulary, prompts: Prompts) -> Iterator[bool]:
    """For each description: whether its thing alone is found."""
    for row in prompts["descriptions"]:
        for prompt in row["prompts"]:
            yield vocabulary.understand(prompt).things == (row["thing"],)


def main() -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    held_out = tomllib.loads(HELD_OUT.read_text())
    sentences = tomllib.loads(SENTENCES.read_text())
    parts = (held_out["practice"], held_out)
    others = (sentences["practice"], sentences["control"])
    rows = []
    for code, name in LANGUAGES.items():
        rates = [partial(found, vocabulary, code), partial(found_in_sentences, vocabulary, code)]
        rows.append((name, *_rates(rates[0], parts), *_rates(rates[1], others)))
    rows.append(("descriptions", *_rates(partial(described, vocabulary), parts), "", ""))
    header = ("", "practice", "held-out", "practice sentences", "control sentences")
    print(table(header, rows))


def _rates(ask: Callable[[Prompts], Iterator[bool]], parts: Sequence[Prompts]) -> Iterator[str]:
    """How often the right thing was found in each part."""
    for said in (list(ask(part)) for part in parts):
        yield f"{100 * sum(said) / len(said):.0f} % of {len(said)}"


if __name__ == "__main__":
    main()
