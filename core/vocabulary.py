"""What a model of limited vocabulary understands of a prompt, decided without its networks.

A vocabulary file lists the things that the model can paint, with their names in several languages,
and other words that mean nearly the same. The bot looks prompts up in it before it queues a job.
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

from core.composition import NOTHING, Colour, Composition, Grammar
from core.emoji import spelled_out

FOLDER = Path(__file__).with_name("vocabularies")
"""One file for each model of limited vocabulary, by its name; training writes them."""

LONGEST_PHRASE = 8
"""Words of a phrase that is looked up as a whole."""

SHORTEST_TYPO = 4
"""Letters of a word in which a typing error is looked for; shorter ones resemble too much."""

SURE_WORD = 6
"""Letters of a word from which on a wrong one is forgiven, and not only a missing or moved one."""

LONG_WORD = 9
"""Letters from which on two errors are forgiven instead of one."""

SUGGESTIONS = 3

NEAR = 75
"""Percent of its letters that a suggestion shares with what was typed."""

_WORD = re.compile(r"[\w'-]+")
_UNSPACED = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]")
_KATAKANA = {hiragana: hiragana + 0x60 for hiragana in range(0x3041, 0x3097)}
"""Both scripts write the same sounds, and members write names in either."""
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


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Words of a prompt: a `thing` by its English name, a `modifier`, or neither.

    `silent` ones say nothing; `exact` is whether a thing is called by its own name, and `name` the
    English one of a thing where the words mean nothing else.
    """

    text: str
    thing: str = ""
    name: str = ""
    modifier: str = ""
    silent: bool = False
    exact: bool = True


@dataclass(frozen=True)
class Vocabulary:
    """`things` maps folded phrases to English names, `own_names` are those that name exactly, which
    are labels and everyday words.

    `modifiers` are folded words that say something but name no thing; `silent` say nothing, except
    in a prompt of nothing else.
    `labels` are the names of things by language and English name; `popular` are good suggestions.
    `phrases` are the grammar's templates by language, `grounds` its colours by English name, and
    `shapes` the folded words for shapes. `styles` are the prior's, by the folded words for them;
    `shown` are those that show a thing, by its English name.
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

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Raises OSError and ValueError for a file that is missing or not a vocabulary."""
        table = json.loads(path.read_text(encoding="utf-8"))
        try:
            labels = table["labels"]
            own = {fold(label): name for names in labels.values() for name, label in names.items()}
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
            )
        except (KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"{path} is not a vocabulary: {error}") from error

    def understand(self, text: str) -> Understanding:
        """What of a prompt in canonical form is recognised."""
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
            elif not phrase.silent:
                unknown.append(phrase.text)
            exact = exact and phrase.exact
        complete = complete and bool(things) and not modifiers and not unknown
        things = list(dict.fromkeys(things))
        return Understanding(tuple(things), tuple(modifiers), tuple(unknown), exact, complete)

    def in_english(self, text: str) -> str:
        """What a prompt asks for, in English where it calls things by their names.

        Names are spelled right; words that say nothing are left out. Synonyms of one word stay:
        the text encoder knows better what they mean.
        """
        said = [p.name or p.text for p in self._phrases_of(text) if p.thing or p.modifier]
        return " ".join(said) or text

    def _phrases_of(self, text: str) -> list["_Phrase"]:
        words = list(_words(fold(text)))
        phrases = list(self._split(words, self.silent))
        if all(phrase.silent for phrase in phrases):  # such as "hello"
            phrases = list(self._split(words, frozenset()))
        said = [phrase for phrase in phrases if not phrase.silent]
        if len(said) == 1 and (word := said[0].modifier) in self.own_names:  # such as "a rose"
            return [_Phrase(said[0].text, self.things[word], self.things[word])]
        return phrases

    def _split(self, words: Sequence[str], silent: frozenset[str]) -> Iterator["_Phrase"]:
        words, correct = list(words), True
        while words:
            count, phrase, name = self._longest(words, silent)
            said = _joined(words[:count])
            if name:
                own = phrase in self.own_names
                clear = own or count > 1
                yield _Phrase(said, name, name=name if clear else "", exact=own and correct)
            elif phrase or words[0].isdecimal():
                yield _Phrase(said, silent=True)
            elif words[0] in self.modifiers or self._stem_of(words[0], self.modifiers):
                yield _Phrase(said, modifier=words[0], exact=correct)
            elif close := self._typo(words[0]):
                words[0], correct = close, False
                continue  # with the right word, which may begin a longer phrase
            else:
                yield _Phrase(said)
            correct = True
            del words[:count]

    def compose(self, texts: Sequence[str], excludes: Sequence[str] = ()) -> Composition:
        """Where the things of the prompts stand, and on what, without things that are excluded.

        Nothing if one thing stands in the middle of its own ground, or if several prompts name
        things. Prompts after the first that names one may say what the ground is.
        """
        first = next((text for text in texts if self._things_and_shapes(text)), "")
        others = [text for text in texts if text != first]
        if any(self._things_and_shapes(t) and not self._grammar.says_ground(t) for t in others):
            return NOTHING
        composition = self._grammar.compose(first, others)
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
            asked.update(*(n for w, n in self.styles.items() if _UNSPACED.match(w) and w in folded))
        return tuple(sorted(asked))

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
        )

    def _is_name(self, text: str) -> bool:
        """Whether all of a text is one name, but for an article and the like before it."""
        words = list(_words(fold(text)))
        while words and words[0] in self.silent:
            del words[0]
        return fold(text) in self.things or _joined(words) in self.things

    def _things_and_shapes(self, text: str) -> list[str]:
        """What a text names that can stand somewhere; nothing if all of its words are silent."""
        if all(phrase.silent for phrase in self._split(list(_words(fold(text))), self.silent)):
            return []
        found = self.understand(text)
        return [*found.things, *self.shapes.intersection(found.modifiers)]

    def suggestions(self, text: str, language: str = "en") -> list[str]:
        """Names in the member's language that are spelled like the text, or popular ones."""
        labels = self.labels.get(language, self.labels["en"])
        by_label = {fold(label): label for label in labels.values()}
        said = [word for word in _words(fold(text)) if word not in self.silent]
        near = [
            match
            for words in dict.fromkeys((_joined(said), *said))
            for match in process.extract(
                words, by_label.keys(), scorer=fuzz.token_sort_ratio, score_cutoff=NEAR
            )
        ]
        near.sort(key=lambda match: match[1], reverse=True)
        found = [by_label[folded] for folded, _, _ in near]
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
        if _UNSPACED.search(word):
            yield from (part for part in re.findall(r"[a-z0-9]+|\W|\w", word))
        else:
            yield word


def _joined(words: list[str]) -> str:
    spaced = [w if _UNSPACED.match(w) else f" {w} " for w in words]
    return re.sub(r"\s+", " ", "".join(spaced)).strip()
