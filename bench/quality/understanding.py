"""`python -m bench.quality.understanding`: how often the vocabulary finds what a prompt asks for.

It asks for every thing by its name, in five languages, in the phrasings of `held_out.toml`, and for
some by its descriptions. To count, the right thing must be found, and no other one. The vocabulary
has words that were added for the practice phrasings; a few of them occur in the held-out ones, too.
How near a description must be to a thing was chosen by the practice descriptions.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from bench.markdown import table
from bench.quality.thing_requests import HELD_OUT
from core.vocabulary import Vocabulary, vocabulary_of

LANGUAGES = {"en": "English", "de": "German", "es": "Spanish", "fr": "French", "ja": "Japanese"}


Prompts = Mapping[str, Any]
"""One part of `held_out.toml`."""


def found(vocabulary: Vocabulary, language: str, prompts: Prompts) -> Iterator[bool]:
    """For each thing, asked for in each phrasing: whether it alone is found."""
    for name, label in vocabulary.labels[language].items():
        called = f"{'an' if label[0] in 'aeiou' else 'a'} {label}" if language == "en" else label
        for phrasing in prompts["phrasings"][language]:
            yield vocabulary.understand(phrasing.format(t=called)).things == (name,)


def described(vocabulary: Vocabulary, prompts: Prompts) -> Iterator[bool]:
    """For each description: whether its thing alone is found."""
    for row in prompts["descriptions"]:
        for prompt in row["prompts"]:
            yield vocabulary.understand(prompt).things == (row["thing"],)


def main() -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    held_out = tomllib.loads(HELD_OUT.read_text())

    def row(name: str, rate: Callable[[Prompts], Iterator[bool]]) -> tuple[str, ...]:
        return (name, *(_percent(list(rate(part))) for part in (held_out["practice"], held_out)))

    rows = [row(name, partial(found, vocabulary, code)) for code, name in LANGUAGES.items()]
    rows.append(row("descriptions", partial(described, vocabulary)))
    print(table(("", "practice", "held-out"), rows))


def _percent(said: Sequence[bool]) -> str:
    return f"{100 * sum(said) / len(said):.0f} % of {len(said)}"


if __name__ == "__main__":
    main()
