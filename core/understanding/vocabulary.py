"""What a model with a limited vocabulary understands of a prompt, decided without its networks.

A vocabulary file lists the things that the model can paint, with their names in several languages
and their synonyms. The bot looks prompts up in it before it queues a job. A thing that is described
rather than named is looked up by the vectors of the words.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz, process

from core.understanding.composition import NOTHING, Colour, Composition
from core.understanding.grammar import Grammar
from core.understanding.lexicon import Lexicon
from core.understanding.requested_things import INDEFINITE, Phrase, introduces_a_name, requested
from core.understanding.tokens import fold, joined, spoken, words_of
from core.understanding.word_vectors import UNSPACED, WordVectors

FOLDER = Path(__file__).with_name("vocabularies")
"""A table and word vectors for each model of limited vocabulary, by its name, from training."""

SUGGESTIONS = 3

ALIKE = 75
"""Percent of its letters that a suggestion shares with what was typed."""
NEAR = 0.4
"""The lowest cosine at which a text means a thing, if no word names one."""
NEARER = 0.5
"""The lowest cosine if a word might name one. Both were chosen on 100 practice descriptions; with
lower ones, "neon sign" was radioactive."""
RELATED = 0.3
"""The lowest cosine at which a word may stand for a thing, or a thing is suggested."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """`things` are the English names of what was recognised, in the prompt's order.

    `modifiers` are recognised words that name no thing (colours, sizes, styles); `unknown` are the
    words that were not recognised. `exact` says whether every thing was called by its own name,
    `complete` whether the names of the things say all that the prompt does.
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
    """`lexicon` is its words. `labels` are the names of things by language and English name;
    `popular` are good suggestions.
    `phrases` are the grammar's templates by language, `grounds` its colours by English name, and
    `shapes` the folded words for shapes. `styles` are the prior's, by the folded words for them;
    `shown` are those that show a thing, by its English name. With `vectors`, descriptions are
    understood that name no thing.
    """

    lexicon: Lexicon
    labels: Mapping[str, Mapping[str, str]]
    popular: tuple[str, ...]
    phrases: Mapping[str, Mapping[str, Any]]
    grounds: Mapping[str, Colour]
    shapes: frozenset[str]
    styles: Mapping[str, tuple[int, ...]]
    shown: Mapping[str, tuple[int, ...]]
    vectors: WordVectors | None = None

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """With the vectors in the .npz beside it, if there are any.

        Raises OSError and ValueError for a file that is missing or not a vocabulary.
        """
        table = json.loads(path.read_text(encoding="utf-8"))
        beside = path.with_suffix(".npz")
        try:
            labels = table["labels"]
            own = {
                folded: name
                for names in labels.values()
                for name, label in names.items()
                for folded in (fold(label), spoken(label))
            }
            english = {fold(name): name for name in labels["en"]}
            preferred = table["preferred"]
            vectors = WordVectors.load(beside) if beside.exists() else None
            lexicon = Lexicon(
                things={**table["synonyms"], **preferred, **own, **english},
                own_names=frozenset(own) | frozenset(english) | frozenset(preferred),
                english=list(english),
                modifiers=frozenset(table["modifiers"]),
                styles=table["styles"].keys(),
                silent=frozenset(table["silent"]),
                is_word=vectors.knows if vectors else lambda word: False,
            )
            return cls(
                lexicon=lexicon,
                labels=labels,
                popular=tuple(table["popular"]),
                phrases=table["phrases"],
                grounds={name: (r, g, b) for name, (r, g, b) in table["grounds"].items()},
                shapes=frozenset(table["shapes"]),
                styles={word: tuple(numbers) for word, numbers in table["styles"].items()},
                shown={name: tuple(numbers) for name, numbers in table["shown"].items()},
                vectors=vectors,
            )
        except (KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"{path} is not a vocabulary: {error}") from error

    def understand(self, text: str) -> Understanding:
        """What is recognised in a prompt in canonical form."""
        things: list[str] = []
        modifiers: list[str] = []
        unknown: list[str] = []
        exact = complete = True
        for phrase in self._phrases_of(text):
            if phrase.thing:
                things.append(phrase.thing)
                complete = complete and bool(phrase.name)
            elif phrase.modifier:
                modifiers.append(phrase.modifier)
                complete = complete and phrase.style
            elif not phrase.silent:
                unknown.append(phrase.text)
            exact = exact and phrase.exact
        complete = complete and bool(things) and not unknown
        things = list(dict.fromkeys(things))
        return Understanding(tuple(things), tuple(modifiers), tuple(unknown), exact, complete)

    def in_english(self, text: str) -> str:
        """What a prompt asks for, in English where it calls things by their names.

        Names are spelled right; words that say nothing are left out, and so are those for styles if
        things are named: the prior gets the style by itself. Synonyms of one word stay: the text
        encoder knows better what they mean.
        """
        phrases = self._phrases_of(text)
        named = any(phrase.thing for phrase in phrases)
        said = [
            phrase.name or phrase.text
            for phrase in phrases
            if phrase.thing or (phrase.modifier and not (named and phrase.style))
        ]
        return " ".join(said) or text

    def _phrases_of(self, text: str) -> list[Phrase]:
        phrases = list(self.lexicon.split(text))
        if all(phrase.silent for phrase in phrases):  # such as "hello"
            phrases = list(self.lexicon.split(text, silence=False))
        said = [phrase for phrase in phrases if not phrase.silent]
        if len(said) == 1 and said[0].modifier in self.lexicon.own_names:  # such as "a rose"
            thing = self.lexicon.things[said[0].modifier]
            return [Phrase(said[0].text, thing, thing)]
        if name := self._described(text, phrases):
            modifiers = [phrase for phrase in said if phrase.modifier]
            return [*modifiers, Phrase(text, name, name, exact=False)]
        return requested(phrases)

    def _described(self, text: str, phrases: Sequence[Phrase]) -> str:
        """The thing that a text describes without naming it, or ""."""
        said = [phrase for phrase in phrases if not phrase.silent]
        named = introduces_a_name(phrases) or any(p.text in self._foreign_names for p in said)
        if named and not self._compound(text, said):
            return ""
        shapes = self.shapes.intersection(phrase.modifier for phrase in said)
        if not self.vectors or shapes or self._named(text, said):
            return ""
        name, cosine = self.vectors.nearest(fold(text))
        things = [phrase.thing for phrase in said if phrase.thing]
        if cosine <= (NEARER if things else NEAR):
            return ""
        return things[-1] if name in things and self._compound(text, said) else name

    def _named(self, text: str, said: Sequence[Phrase]) -> bool:
        """Whether a text calls what it shows by a name, or says nothing of it but modifiers.

        It does if the first thing in it is called by its name, unless another follows at once, as
        in "a baby dog"; or if there is nothing in it but words for things, or one and modifiers.
        """
        telling = [p for p in said if p.thing or p.modifier or self.lexicon.is_word(p.text)]
        if all(phrase.modifier for phrase in telling):
            return True
        if sum(bool(phrase.thing) for phrase in telling) == 1:
            telling = [phrase for phrase in telling if not phrase.modifier]
        if all(phrase.thing and self._means(phrase) for phrase in telling):
            return not self._compound(text, said)
        first = next((place for place, phrase in enumerate(said) if phrase.thing), None)
        if first is None or not said[first].name:
            return False
        return not self._compound(text, said[first : first + 2])

    def _means(self, phrase: Phrase) -> bool:
        """Whether a phrase stands for its thing rather than for something related."""
        if phrase.name or not self.vectors:
            return True
        return self.vectors.cosine(fold(phrase.text), phrase.thing) > RELATED

    @staticmethod
    def _compound(text: str, phrases: Sequence[Phrase]) -> bool:
        """Whether the names of two different things follow each other directly."""
        if len(phrases) != 2 or not all(phrase.name for phrase in phrases):
            return False
        first, second = phrases
        joined = f"{first.text} {second.text}"
        return first.thing != second.thing and not UNSPACED.search(joined) and joined in fold(text)

    def compose(self, texts: Sequence[str], excludes: Sequence[str] = ()) -> Composition:
        """The composition of the prompts, without the things that are excluded.

        Empty if one thing is in the middle of its own ground, or if several prompts name things.
        If none names a thing, it may be a landscape.
        Prompts after the first that names a thing may name the ground.
        """
        first = next((text for text in texts if self._things_and_shapes(text)), "")
        if not first:
            return self._grammar.landscape_of(texts, excludes)
        others = [text for text in texts if text != first]
        if any(self._things_and_shapes(t) and not self._grammar.says_ground(t) for t in others):
            return NOTHING
        asked = set(self._things_and_shapes(first))
        asked.update(self._things_and_shapes(self._grammar.without_ground(first)))

        def things_of(part: str) -> list[str]:
            found = self._things_and_shapes(part)
            return found if asked.intersection(found) or _introduced(part) else []

        composition = self._grammar.reading(things_of).compose(first, others)
        excluded = {name for text in excludes for name in self._things_and_shapes(text)}
        return composition.without(
            lambda part: excluded.issuperset(self._things_and_shapes(part.text))
        )

    def styles_of(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The prior's styles that any word of the texts asks for."""
        asked: set[int] = set()
        for text in texts:
            words = words_of(fold(text))
            for count in (1, 2):
                for start in range(len(words) - count + 1):
                    asked.update(self.styles.get(joined(words[start : start + count]), ()))
            folded = fold(text)
            asked.update(*(n for w, n in self.styles.items() if UNSPACED.match(w) and w in folded))
        return tuple(sorted(asked))

    def asks_for_outlines(self, texts: Sequence[str]) -> bool:
        """Whether the texts ask for outline drawings, and for no other style."""
        asked = self.styles_of(texts)
        return bool(asked) and asked == self.styles.get("outline")

    def styles_that_show(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The prior's styles that show every thing of the texts; those of any if none shows all."""
        things = [thing for text in texts for thing in self.understand(text).things]
        by_thing = [set(self.shown.get(thing, ())) for thing in things]
        every = set.intersection(*by_thing) if by_thing else set()
        return tuple(sorted(every or set().union(*by_thing)))

    @cached_property
    def _grammar(self) -> Grammar:
        return Grammar(
            self.phrases,
            self.grounds,
            things_of=self._things_and_shapes,
            is_name=self.lexicon.is_name,
            called=self._called,
        )

    def _called(self, text: str) -> list[str]:
        """The things that a text calls by their English names; nothing if another word means one.

        In other languages, names are too often words of a sentence, such as Spanish "te".
        """
        phrases = [phrase for phrase in self._phrases_of(text) if phrase.thing]
        named = all(p.name and p.exact and p.text not in self._foreign_names for p in phrases)
        return [phrase.thing for phrase in phrases] if named else []

    def _things_and_shapes(self, text: str) -> list[str]:
        """The things and shapes that a text names; nothing if all of its words are silent."""
        if self.lexicon.is_silent(text):
            return []
        found = self.understand(text)
        return [*found.things, *self.shapes.intersection(found.modifiers)]

    def suggestions(self, text: str, language: str = "en") -> list[str]:
        """Names, in the member's language, of things similar to the text.

        Similar in spelling, then in meaning; otherwise popular ones.
        """
        labels = self.labels.get(language, self.labels["en"])
        by_label = {fold(label): label for label in labels.values()}
        said = [word for word in words_of(fold(text)) if word not in self.lexicon.silent]
        near = [
            match
            for words in dict.fromkeys((joined(said), *said))
            for match in process.extract(
                words, by_label.keys(), scorer=fuzz.token_sort_ratio, score_cutoff=ALIKE
            )
        ]
        near.sort(key=lambda match: match[1], reverse=True)
        found = [by_label[folded] for folded, _, _ in near]
        alike = self.vectors.like(fold(text), SUGGESTIONS) if self.vectors else []
        found += [labels.get(name, name) for name, cosine in alike if cosine > RELATED]
        found += [labels.get(name, name) for name in self.popular]
        return list(dict.fromkeys(found))[:SUGGESTIONS]

    @cached_property
    def _foreign_names(self) -> frozenset[str]:
        """Names in other languages than English, whose words the vectors hardly know."""
        english = {spoken(label) for label in self.labels["en"].values()}
        others = [names.values() for language, names in self.labels.items() if language != "en"]
        return frozenset(spoken(label) for labels in others for label in labels) - english


@cache
def vocabulary_of(model: str) -> Vocabulary | None:
    """The vocabulary of a model, read once; None for a model that takes any words."""
    path = FOLDER / f"{model}.json"
    return Vocabulary.load(path) if path.exists() else None


def _introduced(text: str) -> bool:
    """Whether a text begins with an indefinite article."""
    return next(iter(words_of(fold(text))), "") in INDEFINITE
