"""What a model with a limited vocabulary understands of a prompt, decided without its networks.

A vocabulary file lists the things that the model can paint, with their names in several languages
and their synonyms. The bot looks prompts up in it before it queues a job. A thing that is described
rather than named is looked up by the vectors of the words.
"""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from core.composition import NOTHING, Colour, Composition
from core.emoji import spelled_out
from core.grammar import Grammar
from core.requested_things import INDEFINITE, Phrase, introduces_a_name, requested
from core.word_vectors import UNSPACED, WordVectors

FOLDER = Path(__file__).with_name("vocabularies")
"""A table and word vectors for each model of limited vocabulary, by its name, from training."""

LONGEST_PHRASE = 8
"""Words of a phrase that is looked up as a whole."""

SHORTEST_TYPO = 4
"""The fewest letters of a word that is corrected; shorter words resemble too many others."""

SURE_WORD = 6
"""The fewest letters of a word in which a wrong letter is corrected, not just a missing or swapped
one."""

LONG_WORD = 9
"""The fewest letters of a word in which two errors are corrected."""

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

_WORD = re.compile(r"[\w'-]+")
_PUNCTUATION = re.compile(r"[^\w\s'&/+-]")
_KATAKANA = {hiragana: hiragana + 0x60 for hiragana in range(0x3041, 0x3097)}
"""Both scripts write the same sounds, and members use either for names."""
_PLURALS = ("s", "es", "n", "en", "e", "x")


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
    """`things` maps folded phrases to English names, `own_names` are those that name exactly, which
    are labels and everyday words.

    `modifiers` are folded words that say something but name no thing; `silent` say nothing, except
    in a prompt of nothing else.
    `labels` are the names of things by language and English name; `popular` are good suggestions.
    `phrases` are the grammar's templates by language, `grounds` its colours by English name, and
    `shapes` the folded words for shapes. `styles` are the prior's, by the folded words for them;
    `shown` are those that show a thing, by its English name. With `vectors`, descriptions are
    understood that name no thing.
    """

    things: Mapping[str, str]
    own_names: frozenset[str]
    modifiers: frozenset[str]
    silent: frozenset[str]
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
        vectors = path.with_suffix(".npz")
        try:
            labels = table["labels"]
            own = {
                folded: name
                for names in labels.values()
                for name, label in names.items()
                for folded in (fold(label), _spoken(label))
            }
            english = {fold(name): name for name in labels["en"]}
            preferred = table["preferred"]
            things = {**table["synonyms"], **preferred, **own, **english}
            return cls(
                things=things,
                own_names=frozenset(own) | frozenset(english) | frozenset(preferred),
                modifiers=frozenset(table["modifiers"]),
                silent=frozenset(table["silent"]),
                labels=labels,
                popular=tuple(table["popular"]),
                phrases=table["phrases"],
                grounds={name: (r, g, b) for name, (r, g, b) in table["grounds"].items()},
                shapes=frozenset(table["shapes"]),
                styles={word: tuple(numbers) for word, numbers in table["styles"].items()},
                shown={name: tuple(numbers) for name, numbers in table["shown"].items()},
                vectors=WordVectors.load(vectors) if vectors.exists() else None,
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
        phrases = list(self._split(text, self.silent))
        if all(phrase.silent for phrase in phrases):  # such as "hello"
            phrases = list(self._split(text, frozenset()))
        said = [phrase for phrase in phrases if not phrase.silent]
        if len(said) == 1 and (word := said[0].modifier) in self.own_names:  # such as "a rose"
            return [Phrase(said[0].text, self.things[word], self.things[word])]
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
        telling = [p for p in said if p.thing or p.modifier or self._is_word(p.text)]
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

    def _split(self, text: str, silent: frozenset[str]) -> Iterator[Phrase]:
        words, clauses = list(_words(fold(text))), _clauses(fold(text))
        correct = True
        while words:
            clause = clauses[-len(words)]
            count, phrase, name = self._longest(words, silent)
            styled = next((n for n in (3, 2) if _joined(words[:n]) in self.styles), 0)
            count = max(count, styled)
            said = _joined(words[:count])
            if count == styled:
                yield Phrase(said, modifier=said, style=True, clause=clause)
            elif name:
                own = phrase in self.own_names or self._is_plural(phrase, name)
                clear = own or count > 1
                yield Phrase(
                    said, name, name=name if clear else "", exact=own and correct, clause=clause
                )
            elif phrase or words[0].isdecimal():
                yield Phrase(said, silent=True, clause=clause)
            elif words[0] in self.modifiers or self._stem_of(words[0], self.modifiers):
                style = words[0] in self.styles
                yield Phrase(said, modifier=words[0], style=style, exact=correct, clause=clause)
            elif close := not self._is_word(words[0]) and self._typo(words[0]):
                words[0], correct = close, False
                continue  # with the right word, which may begin a longer phrase
            else:
                yield Phrase(said, clause=clause)
            correct = True
            del words[:count]

    def compose(self, texts: Sequence[str], excludes: Sequence[str] = ()) -> Composition:
        """The composition of the prompts, without the things that are excluded.

        Empty if one thing is in the middle of its own ground, or if several prompts name things.
        Prompts after the first that names a thing may name the ground.
        """
        first = next((text for text in texts if self._things_and_shapes(text)), "")
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
            words = list(_words(fold(text)))
            for count in (1, 2):
                for start in range(len(words) - count + 1):
                    asked.update(self.styles.get(_joined(words[start : start + count]), ()))
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
            is_name=self._is_name,
            called=self._called,
        )

    def _is_name(self, text: str) -> bool:
        """Whether a text is just one name, apart from an article or the like."""
        words = list(_words(fold(text)))
        while words and words[0] in self.silent:
            del words[0]
        return fold(text) in self.things or _joined(words) in self.things

    def _called(self, text: str) -> list[str]:
        """The things that a text calls by their English names; nothing if another word means one.

        In other languages, names are too often words of a sentence, such as Spanish "te".
        """
        phrases = [phrase for phrase in self._phrases_of(text) if phrase.thing]
        named = all(p.name and p.exact and p.text not in self._foreign_names for p in phrases)
        return [phrase.thing for phrase in phrases] if named else []

    def _things_and_shapes(self, text: str) -> list[str]:
        """The things and shapes that a text names; nothing if all of its words are silent."""
        if all(phrase.silent for phrase in self._split(text, self.silent)):
            return []
        found = self.understand(text)
        return [*found.things, *self.shapes.intersection(found.modifiers)]

    def suggestions(self, text: str, language: str = "en") -> list[str]:
        """Names, in the member's language, of things similar to the text.

        Similar in spelling, then in meaning; otherwise popular ones.
        """
        labels = self.labels.get(language, self.labels["en"])
        by_label = {fold(label): label for label in labels.values()}
        said = [word for word in _words(fold(text)) if word not in self.silent]
        near = [
            match
            for words in dict.fromkeys((_joined(said), *said))
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

    def _longest(self, words: list[str], silent: frozenset[str]) -> tuple[int, str, str]:
        """The longest known phrase at the start: how many words it has, itself, and its name.

        A silent one has no name. Without any, (1, "", "").
        """
        for count in range(min(LONGEST_PHRASE, len(words)), 0, -1):
            phrase = _joined(words[:count])
            if phrase in silent:
                return count, phrase, ""
            if count == 1 and phrase in self.modifiers:
                continue
            if phrase in self.things:
                return count, phrase, self.things[phrase]
            if stem := self._stem_of(phrase, self.things):
                return count, stem, self.things[stem]
        return 1, "", ""

    @staticmethod
    def _stem_of(phrase: str, known: Mapping[str, str] | frozenset[str]) -> str:
        """The phrase without a plural's ending, where that is known."""
        for ending in _PLURALS:
            stem = phrase.removesuffix(ending)
            if stem != phrase and len(stem) > 2 and stem in known:
                return stem
        if phrase.endswith("ies") and (stem := phrase[:-3] + "y") in known:
            return stem
        return ""

    @cached_property
    def _foreign_names(self) -> frozenset[str]:
        """Names in other languages than English, whose words the vectors hardly know."""
        english = {_spoken(label) for label in self.labels["en"].values()}
        others = [names.values() for language, names in self.labels.items() if language != "en"]
        return frozenset(_spoken(label) for labels in others for label in labels) - english

    def _is_plural(self, phrase: str, name: str) -> bool:
        """Whether a phrase is the plural of a thing's own name, in English."""
        return phrase.endswith("s") and name == self.things.get(
            self._stem_of(phrase, self.own_names)
        )

    def _is_word(self, word: str) -> bool:
        """Whether a word is spelled right, whatever it means."""
        return bool(self.vectors and self.vectors.knows(word))

    def _typo(self, word: str) -> str:
        """The known word that a mistyped one is most like, or ""."""
        for form in (word, *(word.removesuffix(e) for e in _PLURALS if word.endswith(e))):
            errors = 2 if len(form) >= LONG_WORD else 1
            known = self._single_words.get(form[:1], ())
            if len(form) < SURE_WORD:  # another letter would make another word, such as "musk"
                known = [w for w in known if len(w) != len(form) or sorted(w) == sorted(form)]
            found = len(form) >= SHORTEST_TYPO and process.extractOne(
                form, known, scorer=OSA.distance, score_cutoff=errors
            )
            if found:
                return str(found[0])
        return ""

    @cached_property
    def _single_words(self) -> Mapping[str, Sequence[str]]:
        """Names, and parts of English ones, by first letter, which typing errors rarely change.

        Of equally similar ones the first is taken.
        """
        english = (word for label in self.labels["en"].values() for word in fold(label).split())
        parts = (word for word in english if word in self.things)
        every = dict.fromkeys((*sorted(self.modifiers), *parts, *sorted(self.own_names)))
        by_letter = defaultdict[str, list[str]](list)
        for word in every:
            if len(word) >= SHORTEST_TYPO - 1 and " " not in word:
                by_letter[word[0]].append(word)
        return by_letter


@cache
def vocabulary_of(model: str) -> Vocabulary | None:
    """The vocabulary of a model, read once; None for a model that takes any words."""
    path = FOLDER / f"{model}.json"
    return Vocabulary.load(path) if path.exists() else None


def fold(text: str) -> str:
    """Lower case, without accents on Latin letters, apostrophes straight, hiragana as katakana.

    Emoji become words.
    """
    text = unicodedata.normalize("NFKD", spelled_out(text).casefold().replace("’", "'"))
    plain = "".join(
        c for i, c in enumerate(text)
        if not (unicodedata.combining(c) and i and text[i - 1].isascii())
    )  # fmt: skip
    return unicodedata.normalize("NFC", plain).translate(_KATAKANA).strip()


def _words(text: str) -> Iterator[str]:
    """Words; of scripts without spaces, single characters."""
    for word in _WORD.findall(text):
        yield from _parts(word)


def _spoken(name: str) -> str:
    """A folded name without punctuation, as it is looked up: "person running facing right"."""
    return _joined(list(_words(fold(name))))


def _clauses(text: str) -> list[int]:
    """How many punctuation marks stand before each word."""
    clauses, clause, end = list[int](), 0, 0
    for found in _WORD.finditer(text):
        clause += bool(_PUNCTUATION.search(text, end, found.start()))
        clauses += [clause] * len(_parts(found[0]))
        end = found.end()
    return clauses


def _parts(word: str) -> list[str]:
    return re.findall(r"[a-z0-9]+|\W|\w", word) if UNSPACED.search(word) else [word]


def _introduced(text: str) -> bool:
    """Whether a text begins with an indefinite article."""
    return next(_words(fold(text)), "") in INDEFINITE


def _joined(words: list[str]) -> str:
    spaced = [w if UNSPACED.match(w) else f" {w} " for w in words]
    return re.sub(r"\s+", " ", "".join(spaced)).strip()
