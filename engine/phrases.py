"""Phrase banks: the phrases that images are described with and compared to, for each model.

The bank of a model with a limited vocabulary contains what the model can paint: the things in its
vocabulary, shapes, backgrounds and styles. Other models share a bank of subjects, media, styles,
light and colours.
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
FULL = "full"  #: the bank of models that accept any words

_WORD = re.compile(r"\{(\w+)\}")
_BEFORE_VOWEL = re.compile(r"\ba (?=[aeio])")


@dataclass(frozen=True, slots=True)
class Draft:
    """A description under construction: its main text, and additional prompts."""

    text: str
    additional: tuple[Prompt, ...] = ()

    @property
    def caption(self) -> str:
        """The description as one text, which CLIP compares with the image."""
        return ", ".join([self.text, *(prompt.text for prompt in self.additional)])

    @property
    def prompt(self) -> str:
        """The description in the grammar of `core.prompts`."""
        return format_prompts((Prompt(self.text), *self.additional))


@dataclass(frozen=True, slots=True)
class Slot:
    """Alternative phrases, of which a description contains at most one.

    A phrase with `{}` surrounds the text so far; any other is added as a separate prompt.
    """

    phrases: tuple[str, ...]
    weight: float = 1.0

    def add(self, draft: Draft, phrase: str) -> Draft:
        if "{}" in phrase:
            return Draft(phrase.format(draft.text), draft.additional)
        return Draft(draft.text, (*draft.additional, Prompt(phrase, self.weight)))


@dataclass(frozen=True, slots=True)
class PhraseBank:
    """A description starts with one of the `subjects`; the `slots` may add to it, in order."""

    subjects: tuple[str, ...]
    slots: tuple[Slot, ...]
    neutral: tuple[str, ...] = ()
    """Common subjects of images, for `engine.image_check`."""

    @property
    def phrases(self) -> tuple[str, ...]:
        """All subjects and slot phrases, with `{}` left in place."""
        return (*self.subjects, *(phrase for slot in self.slots for phrase in slot.phrases))


@cache
def phrase_bank(model: str) -> PhraseBank:
    """The bank of a model."""
    file = tomllib.loads(FILE.read_text(encoding="utf-8"))
    words, bank = file["words"], file.get(model, file[FULL])

    def expanded(phrases: list[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for phrase in phrases for each in _variants(phrase, words)))

    vocabulary = vocabulary_of(model)
    things = list(vocabulary.labels["en"].values()) if vocabulary else []
    slots = (Slot(expanded(s["phrases"]), s.get("weight", 1.0)) for s in bank["more"])
    return PhraseBank(expanded(things + bank["subject"]), tuple(slots), expanded(bank["neutral"]))


def _variants(phrase: str, words: dict[str, list[str]]) -> Iterator[str]:
    """The phrase with each combination of words for the names in braces."""
    names = _WORD.findall(phrase)
    for chosen in itertools.product(*(words[name] for name in names)):
        filled = phrase
        for name, word in zip(names, chosen, strict=True):
            filled = filled.replace(f"{{{name}}}", word)
        yield _BEFORE_VOWEL.sub("an ", filled)
