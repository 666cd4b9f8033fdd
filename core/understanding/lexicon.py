"""The words of a vocabulary: splits a prompt into phrases and looks each of them up.

Plurals and small typing errors are recognised.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz import process
from rapidfuzz.distance import OSA

from core.understanding.requested_things import Phrase
from core.understanding.tokens import clauses_of, fold, joined, words_of

LONGEST_PHRASE = 8
"""The most words of a phrase that is looked up as a whole."""

SHORTEST_TYPO = 4
"""The fewest letters of a word that is corrected; shorter words resemble too many others."""

SURE_WORD = 6
"""The fewest letters of a word in which a wrong letter is corrected, not just a missing or swapped
one."""

LONG_WORD = 9
"""The fewest letters of a word in which two errors are corrected."""

_PLURALS = ("s", "es", "n", "en", "e", "x")


@dataclass(frozen=True)
class Lexicon:
    """The words of a vocabulary.

    `things` maps folded phrases to English names. `own_names` are the exact names among these:
    labels and everyday words. `english` are the folded English labels. `modifiers` are folded words
    that add meaning but name no thing; `styles` are those that the prior follows. `stop_words` add
    no meaning. `is_word` returns whether a word is spelled correctly.
    """

    things: Mapping[str, str]
    own_names: frozenset[str]
    english: Sequence[str]
    modifiers: frozenset[str]
    styles: AbstractSet[str]
    stop_words: frozenset[str]
    is_word: Callable[[str], bool]

    def split(self, text: str, *, skip_stop_words: bool = True) -> Iterator[Phrase]:
        """The phrases of a text, left to right. Without `skip_stop_words`, every word counts."""
        words, clauses = words_of(fold(text)), clauses_of(fold(text))
        stop_words = self.stop_words if skip_stop_words else frozenset()
        correct = True
        while words:
            clause = clauses[-len(words)]
            count, phrase, name = self._longest(words, stop_words)
            styled = next((n for n in (3, 2) if joined(words[:n]) in self.styles), 0)
            count = max(count, styled)
            matched = joined(words[:count])
            if count == styled:
                yield Phrase(matched, modifier=matched, style=True, clause=clause)
            elif name:
                own = phrase in self.own_names or self._is_plural(phrase, name)
                clear = own or count > 1
                yield Phrase(
                    matched, name, name=name if clear else "", exact=own and correct, clause=clause
                )
            elif phrase or words[0].isdecimal():
                yield Phrase(matched, ignored=True, clause=clause)
            elif words[0] in self.modifiers or self._stem_of(words[0], self.modifiers):
                style = words[0] in self.styles
                yield Phrase(matched, modifier=words[0], style=style, exact=correct, clause=clause)
            elif close := not self.is_word(words[0]) and self._correct(words[0]):
                words[0], correct = close, False
                continue  # try the correct word again: it may begin a longer phrase
            else:
                yield Phrase(matched, clause=clause)
            correct = True
            del words[:count]

    def is_ignored(self, text: str) -> bool:
        """Whether no word of a text adds meaning."""
        return all(phrase.ignored for phrase in self.split(text))

    def is_name(self, text: str) -> bool:
        """Whether a text is just one name, perhaps after an article or the like."""
        words = words_of(fold(text))
        while words and words[0] in self.stop_words:
            del words[0]
        return fold(text) in self.things or joined(words) in self.things

    def _longest(self, words: list[str], stop_words: frozenset[str]) -> tuple[int, str, str]:
        """The longest known phrase at the start: its number of words, the phrase, and its name.

        A stop word has no name. Returns (1, "", "") if there is none.
        """
        for count in range(min(LONGEST_PHRASE, len(words)), 0, -1):
            phrase = joined(words[:count])
            if phrase in stop_words:
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
        """The phrase without a plural ending, if that is known; else ""."""
        for ending in _PLURALS:
            stem = phrase.removesuffix(ending)
            if stem != phrase and len(stem) > 2 and stem in known:
                return stem
        if phrase.endswith("ies") and (stem := phrase[:-3] + "y") in known:
            return stem
        return ""

    def _is_plural(self, phrase: str, name: str) -> bool:
        """Whether a phrase is the plural of a thing's own name, in English."""
        return phrase.endswith("s") and name == self.things.get(
            self._stem_of(phrase, self.own_names)
        )

    def _correct(self, word: str) -> str:
        """The known word that is most like a misspelled one, or ""."""
        for form in (word, *(word.removesuffix(e) for e in _PLURALS if word.endswith(e))):
            errors = 2 if len(form) >= LONG_WORD else 1
            known = self._single_words.get(form[:1], ())
            if len(form) < SURE_WORD:  # another letter could make another word, such as "musk"
                known = [w for w in known if len(w) != len(form) or sorted(w) == sorted(form)]
            found = len(form) >= SHORTEST_TYPO and process.extractOne(
                form, known, scorer=OSA.distance, score_cutoff=errors
            )
            if found:
                return str(found[0])
        return ""

    @cached_property
    def _single_words(self) -> Mapping[str, Sequence[str]]:
        """Names, and words of English ones, by their first letter, which is rarely mistyped.

        Among equally similar ones, the first is taken.
        """
        parts = (word for label in self.english for word in label.split() if word in self.things)
        candidates = dict.fromkeys((*sorted(self.modifiers), *parts, *sorted(self.own_names)))
        by_letter = defaultdict[str, list[str]](list)
        for word in candidates:
            if len(word) >= SHORTEST_TYPO - 1 and " " not in word:
                by_letter[word[0]].append(word)
        return by_letter
