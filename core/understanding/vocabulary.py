"""What a model with a limited vocabulary understands in a prompt, decided without its networks.

A vocabulary file lists the things that the model can paint, with their names in several languages
and their synonyms. The bot looks up prompts in it before it queues a job. A thing that is described
rather than named is looked up by word vectors.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz, process

from core.understanding.composition import Colour
from core.understanding.descriptions import Descriptions
from core.understanding.lexicon import Lexicon
from core.understanding.requested_things import (
    Phrase,
    introduces_a_name,
    lists_things,
    nouns_among_modifiers,
    requested,
)
from core.understanding.scenery import words
from core.understanding.tokens import fold, joined, without_punctuation, words_of
from core.understanding.word_vectors import UNSPACED, WordVectors

FOLDER = Path(__file__).with_name("vocabularies")
"""A table and word vectors for each model with a limited vocabulary; training creates them."""

SUGGESTIONS = 3

MIN_SIMILARITY = 75
"""How similar in spelling a suggestion must be to the typed text, in percent."""
NEAR, NEARER, NEAREST = 0.5, 0.6, 0.8
"""The lowest scores at which a text describes a thing: if no word names one, if a word may name
one, and if it seems to name another thing. Chosen on 100 practice descriptions, together with
practice requests that must not be misread."""
MORE = 0.1
"""How much more of a text's words than its names do must be shared by the descriptions of another
thing."""
RELATED = 0.3
"""The lowest cosine at which a word can stand for a thing."""
SUGGESTED = 0.3
"""The lowest score at which a thing is suggested."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """What was recognised in a prompt.

    `things` are the English names of recognised things, in the prompt's order. `modifiers` are
    recognised words that name no thing (colours, sizes, styles); `unknown` are the words that were
    not recognised. `exact` is whether every thing was called by its own name, `complete` whether
    the things' names are all that the prompt says.
    """

    things: tuple[str, ...]
    modifiers: tuple[str, ...]
    unknown: tuple[str, ...]
    exact: bool
    complete: bool

    @property
    def empty(self) -> bool:
        """Whether nothing at all was recognised."""
        return not self.things and not self.modifiers


@dataclass(frozen=True)
class Vocabulary:
    """The vocabulary of a model.

    `labels` are the names of things by language and English name; `popular` are good suggestions.
    `phrases` are the grammar's templates by language, `backgrounds` its colours by English name,
    and `shapes` the English names of shapes by the folded words for them. `styles` are the prior's
    styles, by the folded words for them; `styles_of_thing` are those that show a thing, by its
    English name. `black_and_white` are phrases that ask for no colours. With `descriptions`,
    prompts that name no thing are understood.
    """

    lexicon: Lexicon
    labels: Mapping[str, Mapping[str, str]]
    popular: tuple[str, ...]
    phrases: Mapping[str, Mapping[str, Any]]
    backgrounds: Mapping[str, Colour]
    shapes: Mapping[str, str]
    styles: Mapping[str, tuple[int, ...]]
    styles_of_thing: Mapping[str, tuple[int, ...]]
    black_and_white: tuple[str, ...] = ()
    descriptions: Descriptions | None = None

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Loads a vocabulary, with the vectors in the .npz next to it, if there are any.

        Raises OSError and ValueError for a file that is missing or not a vocabulary.
        """
        table = json.loads(path.read_text(encoding="utf-8"))
        vectors_path = path.with_suffix(".npz")
        try:
            labels = table["labels"]
            own = {
                folded: name
                for names in labels.values()
                for name, label in names.items()
                for folded in (fold(label), without_punctuation(label))
            }
            english = {fold(name): name for name in labels["en"]}
            preferred = table["preferred"]
            vectors = WordVectors.load(vectors_path) if vectors_path.exists() else None
            lexicon = Lexicon(
                things={**table["synonyms"], **preferred, **own, **english},
                own_names=frozenset(own) | frozenset(english) | frozenset(preferred),
                english=list(english),
                modifiers=frozenset(table["modifiers"]),
                styles=table["styles"].keys(),
                stop_words=frozenset(table["silent"]),
                is_word=vectors.knows if vectors else lambda word: False,
            )
            return cls(
                lexicon=lexicon,
                labels=labels,
                popular=tuple(table["popular"]),
                phrases=table["phrases"],
                backgrounds={name: (r, g, b) for name, (r, g, b) in table["grounds"].items()},
                shapes=table["shapes"],
                styles={word: tuple(numbers) for word, numbers in table["styles"].items()},
                styles_of_thing={name: tuple(numbers) for name, numbers in table["shown"].items()},
                black_and_white=tuple(table["black_and_white"]),
                descriptions=Descriptions(_texts_of_things(table), vectors) if vectors else None,
            )
        except (KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"{path} is not a vocabulary: {error}") from error

    def understand(self, text: str) -> Understanding:
        """Recognises the words of a prompt in canonical form."""
        things: list[str] = []
        modifiers: list[str] = []
        unknown: list[str] = []
        exact = complete = True
        for phrase in self.phrases_of(text):
            if phrase.thing:
                things.append(phrase.thing)
                complete = complete and bool(phrase.name)
            elif phrase.modifier:
                modifiers.append(phrase.modifier)
                complete = complete and phrase.style
            elif not phrase.ignored:
                unknown.append(phrase.text)
            exact = exact and phrase.exact
        complete = complete and bool(things) and not unknown
        things = list(dict.fromkeys(things))
        return Understanding(tuple(things), tuple(modifiers), tuple(unknown), exact, complete)

    def in_english(self, text: str) -> str:
        """A prompt with the names of its things in English.

        Misspelled names are corrected. Stop words are left out, and so are words for styles if
        things are named, because the prior gets the style by itself. Synonyms of one word are kept,
        because the text encoder knows better what they mean.
        """
        phrases = self.phrases_of(text)
        named = any(phrase.thing for phrase in phrases)
        words = [
            phrase.name or phrase.text
            for phrase in phrases
            if phrase.thing or (phrase.modifier and not (named and phrase.style))
        ]
        return " ".join(words) or text

    def phrases_of(self, text: str) -> list[Phrase]:
        """A text in phrases; things that are only mentioned are ignored."""
        text = self.without_black_and_white(text)
        phrases = list(self.lexicon.split(text))
        if all(phrase.ignored for phrase in phrases):  # such as "hello"
            phrases = list(self.lexicon.split(text, skip_stop_words=False))
        phrases = nouns_among_modifiers(phrases, self.nouns)
        kept = [phrase for phrase in phrases if not phrase.ignored]
        if self._ends_with_a_name(kept):  # such as "a rose" or "a blue rose"
            thing = self.lexicon.things[kept[-1].modifier]
            return [*kept[:-1], Phrase(kept[-1].text, thing, thing)]
        if name := self.described(text, phrases):
            modifiers = [phrase for phrase in kept if phrase.modifier]
            return [*modifiers, Phrase(text, name, name, exact=False)]
        return requested(phrases)

    @cached_property
    def nouns(self) -> dict[str, str]:
        """Things by their names that are modifiers, too, such as "rose"."""
        names = self.lexicon.own_names & self.lexicon.modifiers
        return {name: self.lexicon.things[name] for name in names}

    def _ends_with_a_name(self, kept: Sequence[Phrase]) -> bool:
        """Whether there are only modifiers, of which the last one is also the name of a thing."""
        if not kept or kept[-1].modifier not in self.lexicon.own_names:
            return False
        modifiers = {phrase.modifier for phrase in kept}
        return len(kept) == 1 or ("" not in modifiers and modifiers.isdisjoint(self.shapes))

    def described(self, text: str, phrases: Sequence[Phrase]) -> str:
        """The thing that a text describes without naming it, or ""."""
        kept = [phrase for phrase in phrases if not phrase.ignored]
        compound = self._compound(text, kept)
        shapes = self.shapes.keys() & {phrase.modifier for phrase in kept}
        if not self.descriptions or shapes or self._only_modifiers(kept):
            return ""
        if compound:  # the second name is what is meant: a baby dog is a dog
            return kept[-1].thing
        if introduces_a_name(phrases) or lists_things(phrases) or _only_names(kept):
            return ""
        name, score = self.descriptions.nearest(text)
        things = [phrase.thing for phrase in kept if phrase.thing]
        foreign = any(phrase.text in self.foreign_names for phrase in kept)
        if things and (foreign or self._named(text, kept)):
            if score <= NEAREST or not self._explains_more(text, name, kept):
                return ""
        elif score <= (NEARER if things else NEAR):
            return ""
        return name

    def _only_modifiers(self, kept: Sequence[Phrase]) -> bool:
        """Whether all words with a meaning modify a thing that is not named."""
        return all(
            phrase.modifier
            for phrase in kept
            if phrase.thing or phrase.modifier or self.lexicon.is_word(phrase.text)
        )

    def _explains_more(self, text: str, name: str, kept: Sequence[Phrase]) -> bool:
        """Whether a thing's descriptions share more of a text's words than the names in it do."""
        assert self.descriptions
        names = " ".join(phrase.text for phrase in kept if phrase.name)
        described = self.descriptions.share_described(text, name)
        return described > self.descriptions.share_of_part(text, names) + MORE

    def _named(self, text: str, kept: Sequence[Phrase]) -> bool:
        """Whether a text calls what it shows by a name.

        It does if the first thing in it is called by its name, unless another follows directly, as
        in "a baby dog"; or if it has only words for things, or for one thing and modifiers.
        """
        relevant = [p for p in kept if p.thing or p.modifier or self.lexicon.is_word(p.text)]
        if sum(bool(phrase.thing) for phrase in relevant) == 1:
            relevant = [phrase for phrase in relevant if not phrase.modifier]
        if all(phrase.thing and self._means(phrase) for phrase in relevant):
            return not self._compound(text, kept)
        first = next((index for index, phrase in enumerate(kept) if phrase.thing), None)
        if first is None or not kept[first].name:
            return False
        return not self._compound(text, kept[first : first + 2])

    def _means(self, phrase: Phrase) -> bool:
        """Whether a phrase means its thing rather than something related to it."""
        if phrase.name or not self.descriptions:
            return True
        return self.descriptions.cosine(phrase.text, phrase.thing) > RELATED

    @staticmethod
    def _compound(text: str, phrases: Sequence[Phrase]) -> bool:
        """Whether the names of two different things follow each other directly."""
        if len(phrases) != 2 or not all(phrase.name for phrase in phrases):
            return False
        first, second = phrases
        both = f"{first.text} {second.text}"
        return first.thing != second.thing and not UNSPACED.search(both) and both in fold(text)

    def styles_of(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The prior's styles that any words of the texts name."""
        styles: set[int] = set()
        for text in texts:
            words = words_of(fold(text))
            for count in (1, 2):
                for start in range(len(words) - count + 1):
                    styles.update(self.styles.get(joined(words[start : start + count]), ()))
            folded = fold(text)
            styles.update(*(n for w, n in self.styles.items() if UNSPACED.match(w) and w in folded))
        return tuple(sorted(styles))

    def asks_for_outlines(self, texts: Sequence[str]) -> bool:
        """Whether the texts name outline drawings, and no other style."""
        styles = self.styles_of(texts)
        return bool(styles) and styles == self.styles.get("outline")

    def asks_for_black_and_white(self, texts: Sequence[str]) -> bool:
        """Whether any text asks for an image without colours."""
        return any(self._black_and_white.search(text) for text in texts)

    def without_black_and_white(self, text: str) -> str:
        """The text without the phrases that ask for no colours, unless nothing would be left."""
        rest = self._black_and_white.sub(" ", text)
        return " ".join(rest.split()) if words_of(rest) and rest != text else text

    @cached_property
    def _black_and_white(self) -> re.Pattern[str]:
        return words(self.black_and_white)

    def styles_that_show(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The prior's styles that show all things in the texts; if there are none, those of any."""
        things = [thing for text in texts for thing in self.understand(text).things]
        by_thing = [set(self.styles_of_thing.get(thing, ())) for thing in things]
        common = set.intersection(*by_thing) if by_thing else set()
        return tuple(sorted(common or set().union(*by_thing)))

    def things_and_shapes(self, text: str) -> list[str]:
        """The things and shapes that a text names; nothing if it has only stop words."""
        if self.lexicon.is_ignored(text):
            return []
        found = self.understand(text)
        return [*found.things, *(word for word in found.modifiers if word in self.shapes)]

    def suggestions(self, text: str, language: str = "en") -> list[str]:
        """Names, in the member's language, of things that are similar to the text.

        First those similar in spelling, then those similar in meaning, then popular ones.
        """
        labels = self.labels.get(language, self.labels["en"])
        by_label = {fold(label): label for label in labels.values()}
        kept = [word for word in words_of(fold(text)) if word not in self.lexicon.stop_words]
        near = [
            match
            for words in dict.fromkeys((joined(kept), *kept))
            for match in process.extract(
                words, by_label.keys(), scorer=fuzz.token_sort_ratio, score_cutoff=MIN_SIMILARITY
            )
        ]
        near.sort(key=lambda match: match[1], reverse=True)
        found = [by_label[folded] for folded, _, _ in near]
        related = self.descriptions.nearest_things(text, SUGGESTIONS) if self.descriptions else []
        found += [labels.get(name, name) for name, score in related if score > SUGGESTED]
        found += [labels.get(name, name) for name in self.popular]
        return list(dict.fromkeys(found))[:SUGGESTIONS]

    @cached_property
    def foreign_names(self) -> frozenset[str]:
        """Names in languages other than English, often ordinary words in another language."""
        english = {without_punctuation(label) for label in self.labels["en"].values()}
        others = [names.values() for language, names in self.labels.items() if language != "en"]
        return (
            frozenset(without_punctuation(label) for labels in others for label in labels) - english
        )


@cache
def vocabulary_of(model: str) -> Vocabulary | None:
    """The vocabulary of a model; None for a model that understands any words. Cached."""
    path = FOLDER / f"{model}.json"
    return Vocabulary.load(path) if path.exists() else None


def _texts_of_things(table: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Names and descriptions of the things in a table, by language and English name."""
    return {
        language: {
            name: [labels[name], *texts] for name, texts in table["descriptions"][language].items()
        }
        for language, labels in table["labels"].items()
    }


def _only_names(kept: Sequence[Phrase]) -> bool:
    """Whether there is nothing but names of things, or one word for a thing, and modifiers."""
    words = [phrase for phrase in kept if not phrase.modifier]
    one = len(words) == 1 and bool(words[0].thing)
    return one or (bool(kept) and all(phrase.name for phrase in words))
