"""Phrase banks: what images are described in and compared with, for each model.

A model of limited vocabulary is offered what it can paint: the things of its vocabulary, shapes,
grounds and styles. Other models are offered subjects, media, styles, light and colours.
"""

import itertools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.prompts import Prompt, format_prompts
from core.understanding.vocabulary import vocabulary_of

FILE = Path(__file__).with_name("phrases.toml")
FULL = "full"  #: the bank of models that take any words

_WORD = re.compile(r"\{(\w+)\}")
_BEFORE_VOWEL = re.compile(r"\ba (?=[aeio])")


@dataclass(frozen=True, slots=True)
class Draft:
    """A description that is being put together: its main text, and prompts beside it."""

    text: str
    beside: tuple[Prompt, ...] = ()

    @property
    def caption(self) -> str:
        """All of it as one sentence, which CLIP compares with the image."""
        return ", ".join([self.text, *(prompt.text for prompt in self.beside)])

    @property
    def prompt(self) -> str:
        """In the grammar of `core.prompts`."""
        return format_prompts((Prompt(self.text), *self.beside))


@dataclass(frozen=True, slots=True)
class Slot:
    """Phrases of which a description has at most one.

    A phrase with `{}` goes around the text so far; any other is a prompt of its own.
    """

    phrases: tuple[str, ...]
    weight: float = 1.0

    def add(self, draft: Draft, phrase: str) -> Draft:
        if "{}" in phrase:
            return Draft(phrase.format(draft.text), draft.beside)
        return Draft(draft.text, (*draft.beside, Prompt(phrase, self.weight)))


@dataclass(frozen=True, slots=True)
class PhraseBank:
    """What a description begins with (`subjects`), and what may be added (`slots`), in order."""

    subjects: tuple[str, ...]
    slots: tuple[Slot, ...]
    neutral: tuple[str, ...] = ()
    """Kinds of things that images show, for `engine.image_check`."""

    @property
    def phrases(self) -> tuple[str, ...]:
        """All of them, as the file has them."""
        return (*self.subjects, *(phrase for slot in self.slots for phrase in slot.phrases))


@cache
def phrase_bank(model: str) -> PhraseBank:
    """The bank of a model."""
    file = tomllib.loads(FILE.read_text(encoding="utf-8"))
    words, bank = file["words"], file.get(model, file[FULL])

    def expanded(phrases: list[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for phrase in phrases for each in _filled(phrase, words)))

    vocabulary = vocabulary_of(model)
    things = list(vocabulary.labels["en"].values()) if vocabulary else []
    slots = (Slot(expanded(s["phrases"]), s.get("weight", 1.0)) for s in bank["more"])
    return PhraseBank(expanded(things + bank["subject"]), tuple(slots), expanded(bank["neutral"]))


def _filled(phrase: str, words: dict[str, list[str]]) -> Iterator[str]:
    """A phrase for each choice of words in the places of its names."""
    names = _WORD.findall(phrase)
    for chosen in itertools.product(*(words[name] for name in names)):
        filled = phrase
        for name, word in zip(names, chosen, strict=True):
            filled = filled.replace(f"{{{name}}}", word)
        yield _BEFORE_VOWEL.sub("an ", filled)
