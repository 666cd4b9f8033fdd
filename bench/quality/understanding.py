"""`python -m bench.quality.understanding`: how often the vocabulary finds what a prompt asks for.

It asks for every thing by its name, in five languages, in the phrasings of `held_out.toml`. To
count, the right thing must be found, and no other one. The vocabulary has words that were added for
the practice phrasings; a few of them occur in the held-out ones, too.
"""

import tomllib
from collections.abc import Iterator, Sequence

from bench.markdown import table
from bench.quality.thing_requests import HELD_OUT
from core.vocabulary import Vocabulary, vocabulary_of

LANGUAGES = {"en": "English", "de": "German", "es": "Spanish", "fr": "French", "ja": "Japanese"}


def found(vocabulary: Vocabulary, language: str, phrasings: Sequence[str]) -> Iterator[bool]:
    """For each thing, asked for in each phrasing: whether it alone is found."""
    for name, label in vocabulary.labels[language].items():
        called = f"{'an' if label[0] in 'aeiou' else 'a'} {label}" if language == "en" else label
        for phrasing in phrasings:
            yield vocabulary.understand(phrasing.format(t=called)).things == (name,)


def main() -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    held_out = tomllib.loads(HELD_OUT.read_text())
    rows = []
    for language, name in LANGUAGES.items():
        rates = []
        for phrasings in (held_out["practice"]["phrasings"], held_out["phrasings"]):
            said = list(found(vocabulary, language, phrasings[language]))
            rates.append(f"{100 * sum(said) / len(said):.0f} %")
        rows.append((name, *rates))
    print(table(("language", "practice phrasings", "held-out phrasings"), rows))


if __name__ == "__main__":
    main()
