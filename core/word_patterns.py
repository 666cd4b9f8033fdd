"""Patterns: what a rule of the word filter requires besides its sequence of letters."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

import regex

from core.moderation import WordRule
from core.prompts import canonical
from core.text_folding import (
    APOSTROPHE_GAP,
    ELONGATED,
    NO_GAP,
    TIGHT_GAP,
    FoldedText,
    fold,
    has_marks,
)
from core.word_lists import (
    ARTICLES,
    HEBREW_ARTICLES,
    LONE_WORDS,
    ORDINARY_WORDS,
    OWN_LETTERS,
    PARTICLES,
)

MIN_SPELLED = 3
"""The fewest letters of a word that is found spelled out (Hangul: 2); "plan b a dog" is no "ba"."""

MIN_PLURAL = 3
"""The fewest letters of a word that is found in the plural."""

MAX_SUFFIX = max(map(len, PARTICLES))

_CONTRACTIONS = frozenset({"s", "t", "re", "ve", "m", "ll", "d"})
"""What follows an apostrophe without starting a word, such as the s in "Taylor's hit"."""

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]")
_HANGUL, _LATIN = map(regex.compile, (r"\p{Hangul}", r"\p{Latin}"))
_ARABIC, _HEBREW = map(regex.compile, (r"\p{Arabic}", r"\p{Hebrew}"))
_LETTER_SIGNS = frozenset("@$€¢∂")
"""Signs that stand for letters next to any letter, unlike digits and `!`."""
_MARK = regex.compile(r"\p{M}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What must hold where a rule's symbols occur."""

    rule: WordRule
    open_start: bool
    open_end: bool
    gaps: tuple[int, ...]
    """The indices of letters before which the rule itself has a gap."""
    exact: str | None
    """The exact letters, if no others match."""
    i_mask: int
    l_mask: int
    """Bit n is set if letter n is an i, or an l."""
    min_letters: int
    """At least this many must not be digits, and one of those must be a letter."""
    elongated: tuple[int, ...] = ()
    """The indices of letters that must be elongated."""
    lenient: bool = False
    """Whether any letters and gaps match."""
    unspaced: bool = False
    numeric: bool = False
    prefixes: frozenset[str] = frozenset()
    suffixes: frozenset[str] = frozenset()


class Group:
    """The patterns that have the same symbols."""

    def __init__(self, length: int, patterns: Sequence[Pattern]) -> None:
        self.length = length
        self.patterns = patterns
        self.anywhere = any(pattern.unspaced for pattern in patterns)
        self.open_start = any(pattern.open_start or pattern.prefixes for pattern in patterns)
        self.open_end = any(pattern.open_end for pattern in patterns)


@lru_cache(maxsize=10_000)
def patterns_of(rule: WordRule) -> tuple[tuple[str, Pattern], ...]:
    """The symbols that a rule looks for, each with its pattern.

    A rule with double letters has several: an elongated word doesn't show how many are meant.
    """
    folded = fold(canonical(rule.text).strip("* "), elongation=False)
    if not folded.symbols:
        return ()
    spellings = [_pattern(rule, folded, shortest) for shortest in (math.inf, ELONGATED, 2)]
    return tuple(dict.fromkeys(spellings))


def loosest(patterns: Sequence[Pattern]) -> Pattern:
    """A pattern that matches wherever any of these does."""
    return Pattern(
        patterns[0].rule,
        open_start=any(pattern.open_start for pattern in patterns),
        open_end=any(pattern.open_end for pattern in patterns),
        gaps=(),
        exact=None,
        i_mask=0,
        l_mask=0,
        min_letters=0,
        lenient=True,
        unspaced=any(pattern.unspaced for pattern in patterns),
        prefixes=frozenset().union(*(pattern.prefixes for pattern in patterns)),
        suffixes=frozenset().union(*(pattern.suffixes for pattern in patterns)),
    )


class Reading:
    """A folded text, indexed to decide in constant time whether it breaks a rule somewhere."""

    def __init__(self, folded: FoldedText, tokens: bool = False) -> None:
        """`tokens`: whether the text is a prompt as CLIP's tokenizer splits it."""
        self.folded = folded
        letters, gaps = folded.letters, folded.gaps
        self._tokens = tokens
        self._dotted = letters.replace("I", "i")
        self._dotless = letters.replace("I", "ı")  # noqa: RUF001 - Turkish
        self._i_mask, self._l_mask = (
            _mask_of(letters, "i"),
            _mask_of(letters, "l"),
        )
        self._alphabetic = _running_count(map(str.isalpha, letters))
        self._sign_count = _running_count(letter in _LETTER_SIGNS for letter in letters)
        self._own = _running_count(letter in OWN_LETTERS for letter in letters)
        self._marked = _running_count(map(has_marks, letters))
        self._gap_count = _running_count(gap != NO_GAP for gap in gaps)
        self._tight_count = _running_count(gap == TIGHT_GAP for gap in gaps)
        self._starts, self._ends = _edges(letters, gaps)
        self._word_starts, self._word_ends = _nearest(self._starts, self._ends)
        parts = [index for index, gap in enumerate(gaps) if gap] + [len(letters)]
        ordinary, lone = [False] * len(letters), [False] * len(letters)
        for start, end in pairwise(parts):
            word = self._dotted[start:end]
            ordinary[start] = len(word) > 1 and word in ORDINARY_WORDS
            lone[start] = word in LONE_WORDS
            if gaps[start] == APOSTROPHE_GAP and word in _CONTRACTIONS:
                self._starts[start] = False
        self._ordinary, self._lone = _running_count(ordinary), _running_count(lone)

    def may_match(self, group: Group, start: int, end: int) -> bool:
        """Whether any pattern of the group can match there; avoids trying each."""
        return group.anywhere or (
            (group.open_start or self._starts[start])
            and (group.open_end or self._word_ends[end] - end <= MAX_SUFFIX)
        )

    def breaks(self, pattern: Pattern, start: int, end: int) -> bool:
        """Whether the letters from `start` to `end`, with the pattern's symbols, break its rule."""
        return self._has_edges(pattern, start, end) and (
            pattern.lenient
            or (self._has_gaps(pattern, start, end) and self._has_letters(pattern, start, end))
        )

    def _has_edges(self, pattern: Pattern, start: int, end: int) -> bool:
        """Whether a word starts and ends there."""
        if pattern.unspaced:
            letters = self.folded.letters
            return end == len(letters) or self._ends[end] or not _MARK.match(letters[end])
        if pattern.numeric and self._tokens:
            return False  # each digit is a token, even in a longer number
        return (pattern.open_start or self._starts_word(pattern, start)) and (
            pattern.open_end or self._ends_word(pattern, end)
        )

    def _starts_word(self, pattern: Pattern, start: int) -> bool:
        if self._starts[start]:
            return True
        before = self.folded.letters[self._word_starts[start] : start]
        return before in pattern.prefixes

    def _ends_word(self, pattern: Pattern, end: int) -> bool:
        if self._ends[end]:
            return True
        after = self.folded.letters[end : self._word_ends[end]]
        return after in pattern.suffixes

    def _has_letters(self, pattern: Pattern, start: int, end: int) -> bool:
        """Whether they can be the letters of the rule, and don't make another word."""
        alphabetic = self._alphabetic[end] - self._alphabetic[start]
        signs = self._sign_count[end] - self._sign_count[start] if alphabetic else 0
        if alphabetic + signs < pattern.min_letters:
            return False
        if not all(self.folded.elongated[start + index] for index in pattern.elongated):
            return False
        if pattern.exact is not None:
            spellings = (self.folded.letters, self._dotted, self._dotless)
            return any(letters[start:end] == pattern.exact for letters in spellings)
        if self._l_mask >> start & pattern.i_mask or self._i_mask >> start & pattern.l_mask:
            return False
        marked = self._marked[end] - self._marked[start]
        return not marked or marked != self._own[end] - self._own[start]

    def _has_gaps(self, pattern: Pattern, start: int, end: int) -> bool:
        """Whether the gaps are those of the rule, or those of words spelled out."""
        if not pattern.gaps and not self._gaps_within(start, end):
            return True
        if pattern.unspaced:
            return self._starts[start] or self._ends[end]
        bounds = [start, *(start + gap for gap in pattern.gaps), end]
        return all(self.folded.gaps[index] for index in bounds[1:-1]) and all(
            self._is_one_word(*word) for word in pairwise(bounds)
        )

    def _is_one_word(self, start: int, end: int) -> bool:
        """Whether these letters make one word, written together or spelled out."""
        gaps = self._gaps_within(start, end)
        if not gaps:
            return True
        if end - start < MIN_SPELLED and not _HANGUL.match(self.folded.letters[start]):
            return False
        tight = self._tight_count[end] - self._tight_count[start + 1]
        if gaps == end - start - 1 or gaps == tight:
            return True
        if self._ordinary[end] - self._ordinary[start]:
            return False
        return gaps > 1 or not self._lone[end] - self._lone[start]

    def _gaps_within(self, start: int, end: int) -> int:
        return self._gap_count[end] - self._gap_count[start + 1]


def _pattern(rule: WordRule, folded: FoldedText, shortest: float) -> tuple[str, Pattern]:
    """A pattern in which each run of `shortest` or more of the same letter is elongated."""
    indices: list[int] = []
    elongated: list[int] = []
    for run in _runs(folded):
        if len(run) >= shortest:
            elongated.append(len(indices))
        indices += run[:1] if len(run) >= shortest else run
    letters = "".join(folded.letters[index] for index in indices)
    gaps = [folded.gaps[index] for index in indices]
    alphabetic = sum(map(str.isalpha, letters))
    digits = any(map(str.isdigit, letters))
    spelled = all(gaps) and len(gaps) >= MIN_SPELLED  # matches as if written together
    text = canonical(rule.text)
    return "".join(folded.symbols[index] for index in indices), Pattern(
        rule,
        open_start=text.startswith("*"),
        open_end=text.endswith("*"),
        gaps=() if spelled else tuple(n for n, gap in enumerate(gaps) if n and gap),
        exact=letters if any(map(has_marks, letters)) or (digits and alphabetic < 3) else None,
        i_mask=_mask_of(letters, "i"),
        l_mask=_mask_of(letters, "l"),
        min_letters=min(2, alphabetic),
        elongated=tuple(elongated),
        unspaced=_UNSPACED.search(letters) is not None,
        numeric=digits and not alphabetic,
        prefixes=_prefixes(letters),
        suffixes=_suffixes(letters),
    )


def _runs(folded: FoldedText) -> list[list[int]]:
    """The indices of each run of the same letter without a gap."""
    runs: list[list[int]] = []
    for index, base in enumerate(folded.bases):
        if runs and not folded.gaps[index] and base == folded.bases[index - 1]:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _prefixes(letters: str) -> frozenset[str]:
    if _ARABIC.match(letters):
        return ARTICLES
    return HEBREW_ARTICLES if _HEBREW.match(letters) else frozenset()


def _suffixes(letters: str) -> frozenset[str]:
    if _HANGUL.match(letters[-1]):
        return PARTICLES
    if len(letters) < MIN_PLURAL or not _LATIN.match(letters[-1]):
        return frozenset()
    return frozenset({"es"} if letters[-1] in "szx" else {"s", "es", "z"})


def _edges(letters: str, gaps: Sequence[int]) -> tuple[list[bool], list[bool]]:
    """For each index, whether a word may start there, and whether one may end before it.

    CLIP reads digits on their own, so they do not belong to a word next to them.
    """
    starts, ends = [], []
    for index, letter in enumerate(letters):
        before = letters[index - 1]
        apart = not index or gaps[index] != NO_GAP or _kind(before) != _kind(letter)
        starts.append(apart or (before.isdigit() and not letter.isdigit()))
        ends.append(apart or (letter.isdigit() and not before.isdigit()))
    return starts, [*ends, True]


def _kind(letter: str) -> int:
    """The kind of a letter's script; a word ends where that changes, even without a gap."""
    return 1 if _UNSPACED.match(letter) else 2 if _HANGUL.match(letter) else 0


def _nearest(starts: Sequence[bool], ends: Sequence[bool]) -> tuple[list[int], list[int]]:
    """For each index, where the word around it starts, and where it ends."""
    first = list(accumulate((n if start else 0 for n, start in enumerate(starts)), max))
    last = [*ends]
    found, nearest = [], len(ends) - 1
    for index in range(len(last) - 1, -1, -1):
        nearest = index if last[index] else nearest
        found.append(nearest)
    return first, found[::-1]


def _mask_of(letters: str, wanted: str) -> int:
    """A bit mask: bit n is set if letter n is the wanted one."""
    return int("".join("1" if letter == wanted else "0" for letter in reversed(letters)) or "0", 2)


def _running_count(holds: Iterable[bool]) -> list[int]:
    """For each n, how many of the first n values are true."""
    return list(accumulate(holds, initial=0))
