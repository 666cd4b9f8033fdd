"""Finds the words of a server's rules in a prompt, however they are disguised.

A rule's word is found as a whole word: "irl" is not in "girl". It is also found

- in any disguise that `core.text_folding` undoes, and elongated ("nuuude"),
- spelled out, with anything but letters between its letters or parts ("n u d e", "nu/de"), unless
  these are ordinary words next to each other ("the pen is blue"),
- in the plural (-s, -es), with a Korean particle, with an Arabic or Hebrew article,
- next to digits ("nude2024"), because CLIP reads digits on their own,
- anywhere in a text, in scripts without spaces between words,
- as an emoji with this word in its name.

`*` at the start or end of a rule stands for any letters: `nud*` finds "nudes" and "nudity". A rule
without Latin marks ignores them, except where a marked letter is a letter of its own in some
alphabet ("ano" is not in "año nuevo"). A rule with marks is found with these marks only.

A text is read as a person reads it, and again as CLIP's tokenizer splits it. All rules are matched
at once (Aho–Corasick), so the time is linear in the length of the text, whatever the rules.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import ahocorasick
import regex

from core.moderation import WordRule
from core.prompts import canonical
from core.text_folding import fold
from core.understanding.emoji import spelled_out
from core.word_patterns import Group, Pattern, Reading, loosest, patterns_of

MAX_ALIKE = 16
"""The most rules that are distinguished if they differ only in marks, gaps, `*`, or i and l."""

_KEPT_MARKS = r"\p{M}--\p{Script=Inherited}"
_TOKENS = regex.compile(
    rf"'s|'t|'re|'ve|'m|'ll|'d|[\p{{L}}{_KEPT_MARKS}]+|\p{{N}}|[^\s\p{{L}}\p{{N}}]+",
    regex.IGNORECASE | regex.VERSION1,
)
"""How CLIP's tokenizer splits a text, except that vowel signs stay with their letters."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule, and what it found in a text."""

    rule: WordRule
    found: str


class WordFilter:
    """The rules of a server, compiled."""

    def __init__(self, rules: Iterable[WordRule]) -> None:
        by_symbols = defaultdict[str, list[Pattern]](list)
        for rule in rules:
            for symbols, pattern in patterns_of(rule):
                by_symbols[symbols].append(pattern)
        self._automaton = ahocorasick.Automaton()
        for symbols, patterns in by_symbols.items():
            kept = patterns if len(patterns) <= MAX_ALIKE else [loosest(patterns)]
            self._automaton.add_word(symbols, Group(len(symbols), kept))
        self._automaton.make_automaton()

    def first_hit(self, text: str) -> Hit | None:
        """A rule that a text breaks, and what breaks it; None if it breaks none."""
        if not self._automaton:
            return None
        for shown, reading in _readings(canonical(text)):
            for pattern, start, end in self.candidates(reading):
                if reading.breaks(pattern, start, end):
                    first, last = reading.folded.spans[start], reading.folded.spans[end - 1]
                    return Hit(pattern.rule, " ".join(shown[first[0] : last[1]].split()))
        return None

    def candidates(self, reading: Reading) -> Iterator[tuple[Pattern, int, int]]:
        """Yields where a rule's symbols occur, unless that is entirely inside a word."""
        for last, group in self._automaton.iter(reading.folded.symbols):
            start, end = last + 1 - group.length, last + 1
            if reading.may_match(group, start, end):
                for pattern in group.patterns:
                    yield pattern, start, end


@lru_cache(maxsize=256)
def compiled(rules: tuple[WordRule, ...]) -> WordFilter:
    """The filter for these rules; cached."""
    return WordFilter(rules)


def first_hit(rules: Iterable[WordRule], text: str) -> Hit | None:
    """A rule that a text breaks, and what breaks it; None if it breaks none."""
    rules = tuple(rules)
    return compiled(rules).first_hit(text) if rules else None


def is_word(text: str) -> bool:
    """Whether a rule with this text could ever match: it needs a letter or a digit."""
    return bool(patterns_of(WordRule(text)))


def _readings(text: str) -> Iterator[tuple[str, Reading]]:
    """Each text to check, with repeated letters read as emphasis and as a spelling."""
    for shown, tokens, digits in _views(text):
        folded = fold(shown, digits=digits)
        yield shown, Reading(folded, tokens)
        if any(folded.elongated):  # three I's in a row may be "ill"
            yield shown, Reading(fold(shown, digits=digits, elongation=False), tokens)


def _views(text: str) -> Iterator[tuple[str, bool, bool]]:
    """The texts to check: as typed or in tokens, and whether digits may stand for letters."""
    yield text, False, True
    lowered = text.lower()
    tokens = " ".join(_TOKENS.findall(lowered))
    if tokens != lowered:
        yield tokens, True, True
    if any(map(str.isdigit, text)):
        yield tokens, True, False
    if (words := spelled_out(text)) != text:
        yield words, False, False
