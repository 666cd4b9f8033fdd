"""Patterns: what a rule of the word filter requires besides its letters in a row."""

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
"""Letters of a word that is found spelled out (in Hangul, 2): "plan b a dog" is no "ba"."""

MIN_PLURAL = 3
"""Letters of a word that is found in the plural."""

MAX_SUFFIX = max(map(len, PARTICLES))

_CONTRACTIONS = frozenset({"s", "t", "re", "ve", "m", "ll", "d"})
"""What an apostrophe attaches to the word before it: no word starts at the s of "Taylor's hit"."""

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]")
_HANGUL, _LATIN = map(regex.compile, (r"\p{Hangul}", r"\p{Latin}"))
_ARABIC, _HEBREW = map(regex.compile, (r"\p{Arabic}", r"\p{Hebrew}"))
_MONEY = frozenset("@$€¢∂")
"""Signs that stand for letters wherever they touch one, unlike digits and `!`."""
_MARK = regex.compile(r"\p{M}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What must hold where a rule's symbols occur."""

    rule: WordRule
    open_start: bool
    open_end: bool
    gaps: tuple[int, ...]
    """Before which letters the rule itself has a gap."""
    exact: str | None
    """The exact letters, if no others match."""
    i_places: int
    l_places: int
    """Bit n is set if letter n is an i, or an l."""
    least_letters: int
    """This many must not be digits, and one of them must be a letter."""
    elongated: tuple[int, ...] = ()
    """Which letters must be elongated."""
    lenient: bool = False
    """Whether any letters and gaps match."""
    unspaced: bool = False
    numeric: bool = False
    prefixes: frozenset[str] = frozenset()
    suffixes: frozenset[str] = frozenset()


class Group:
    """The patterns of the same symbols."""

    def __init__(self, length: int, patterns: Sequence[Pattern]) -> None:
        self.length = length
        self.patterns = patterns
        self.anywhere = any(pattern.unspaced for pattern in patterns)
        self.open_start = any(pattern.open_start or pattern.prefixes for pattern in patterns)
        self.open_end = any(pattern.open_end for pattern in patterns)


@lru_cache(maxsize=10_000)
def patterns_of(rule: WordRule) -> tuple[tuple[str, Pattern], ...]:
    """The symbols that a rule looks for, each with its pattern.

    There are several for a rule with double letters: in an elongated word nobody knows how many
    letters are meant.
    """
    folded = fold(canonical(rule.text).strip("* "), elongation=False)
    if not folded.symbols:
        return ()
    spellings = [_pattern(rule, folded, shortest) for shortest in (math.inf, ELONGATED, 2)]
    return tuple(dict.fromkeys(spellings))


def loosest(patterns: Sequence[Pattern]) -> Pattern:
    """One pattern that matches wherever any of them does."""
    return Pattern(
        patterns[0].rule,
        open_start=any(pattern.open_start for pattern in patterns),
        open_end=any(pattern.open_end for pattern in patterns),
        gaps=(),
        exact=None,
        i_places=0,
        l_places=0,
        least_letters=0,
        lenient=True,
        unspaced=any(pattern.unspaced for pattern in patterns),
        prefixes=frozenset().union(*(pattern.prefixes for pattern in patterns)),
        suffixes=frozenset().union(*(pattern.suffixes for pattern in patterns)),
    )


class Reading:
    """A folded text with an index that decides in constant time whether a rule is broken."""

    def __init__(self, folded: FoldedText, tokens: bool = False) -> None:
        """`tokens`: the text is what CLIP's tokenizer makes of a prompt."""
        self.folded = folded
        letters, gaps = folded.letters, folded.gaps
        self._tokens = tokens
        self._dotted = letters.replace("I", "i")
        self._dotless = letters.replace("I", "ı")  # noqa: RUF001 - Turkish
        self._i_places, self._l_places = _places(letters, "i"), _places(letters, "l")
        self._alphabetic = _running_count(map(str.isalpha, letters))
        self._money = _running_count(letter in _MONEY for letter in letters)
        self._own = _running_count(letter in OWN_LETTERS for letter in letters)
        self._marked = _running_count(map(has_marks, letters))
        self._gap_count = _running_count(gap != NO_GAP for gap in gaps)
        self._tight_count = _running_count(gap == TIGHT_GAP for gap in gaps)
        self._starts, self._ends = _edges(letters, gaps)
        self._word_starts, self._word_ends = _nearest(self._starts, self._ends)
        parts = [place for place, gap in enumerate(gaps) if gap] + [len(letters)]
        ordinary, lone = [False] * len(letters), [False] * len(letters)
        for start, end in pairwise(parts):
            word = self._dotted[start:end]
            ordinary[start] = len(word) > 1 and word in ORDINARY_WORDS
            lone[start] = word in LONE_WORDS
            if gaps[start] == APOSTROPHE_GAP and word in _CONTRACTIONS:
                self._starts[start] = False
        self._ordinary, self._lone = _running_count(ordinary), _running_count(lone)

    def may_hold(self, group: Group, start: int, end: int) -> bool:
        """Whether any pattern of the group can match there; saves trying each."""
        return group.anywhere or (
            (group.open_start or self._starts[start])
            and (group.open_end or self._word_ends[end] - end <= MAX_SUFFIX)
        )

    def breaks(self, pattern: Pattern, start: int, end: int) -> bool:
        """Whether the letters from `start` to `end`, which have the symbols, break the rule."""
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
            return False  # each digit is a token, also of a longer number
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
        """Whether they may be the letters of the rule, and make no other word."""
        alphabetic = self._alphabetic[end] - self._alphabetic[start]
        signs = self._money[end] - self._money[start] if alphabetic else 0
        if alphabetic + signs < pattern.least_letters:
            return False
        if not all(self.folded.elongated[start + place] for place in pattern.elongated):
            return False
        if pattern.exact is not None:
            spellings = (self.folded.letters, self._dotted, self._dotless)
            return any(letters[start:end] == pattern.exact for letters in spellings)
        if self._l_places >> start & pattern.i_places or self._i_places >> start & pattern.l_places:
            return False
        marked = self._marked[end] - self._marked[start]
        return not marked or marked != self._own[end] - self._own[start]

    def _has_gaps(self, pattern: Pattern, start: int, end: int) -> bool:
        """Whether the gaps are those of the rule, or spell its words out."""
        if pattern.gaps is None or (not self._gaps_within(start, end) and not pattern.gaps):
            return True
        if pattern.unspaced:
            return self._starts[start] or self._ends[end]
        bounds = [start, *(start + gap for gap in pattern.gaps), end]
        return all(self.folded.gaps[place] for place in bounds[1:-1]) and all(
            self._is_one_word(*word) for word in pairwise(bounds)
        )

    def _is_one_word(self, start: int, end: int) -> bool:
        """Whether these letters make one word: they stand together, or are spelled out."""
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
    """A pattern in which each row of the same letter, from `shortest` letters, is elongated."""
    places: list[int] = []
    elongated: list[int] = []
    for row in _rows(folded):
        if len(row) >= shortest:
            elongated.append(len(places))
        places += row[:1] if len(row) >= shortest else row
    letters = "".join(folded.letters[place] for place in places)
    gaps = [folded.gaps[place] for place in places]
    alphabetic = sum(map(str.isalpha, letters))
    digits = any(map(str.isdigit, letters))
    spelled = all(gaps) and len(gaps) >= MIN_SPELLED  # as if it stood together
    text = canonical(rule.text)
    return "".join(folded.symbols[place] for place in places), Pattern(
        rule,
        open_start=text.startswith("*"),
        open_end=text.endswith("*"),
        gaps=() if spelled else tuple(n for n, gap in enumerate(gaps) if n and gap),
        exact=letters if any(map(has_marks, letters)) or (digits and alphabetic < 3) else None,
        i_places=_places(letters, "i"),
        l_places=_places(letters, "l"),
        least_letters=min(2, alphabetic),
        elongated=tuple(elongated),
        unspaced=_UNSPACED.search(letters) is not None,
        numeric=digits and not alphabetic,
        prefixes=_prefixes(letters),
        suffixes=_suffixes(letters),
    )


def _rows(folded: FoldedText) -> list[list[int]]:
    """The places of each row of the same letter without a gap."""
    rows: list[list[int]] = []
    for place, base in enumerate(folded.bases):
        if rows and not folded.gaps[place] and base == folded.bases[place - 1]:
            rows[-1].append(place)
        else:
            rows.append([place])
    return rows


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
    """Before which letters a word may start, and before which it may have ended.

    CLIP reads digits on their own, so they do not belong to a word beside them.
    """
    starts, ends = [], []
    for place, letter in enumerate(letters):
        before = letters[place - 1]
        apart = not place or gaps[place] != NO_GAP or _kind(before) != _kind(letter)
        starts.append(apart or (before.isdigit() and not letter.isdigit()))
        ends.append(apart or (letter.isdigit() and not before.isdigit()))
    return starts, [*ends, True]


def _kind(letter: str) -> int:
    """Scripts between which a word changes without a gap."""
    return 1 if _UNSPACED.match(letter) else 2 if _HANGUL.match(letter) else 0


def _nearest(starts: Sequence[bool], ends: Sequence[bool]) -> tuple[list[int], list[int]]:
    """For each place, where the word around it starts, and where it ends."""
    first = list(accumulate((n if start else 0 for n, start in enumerate(starts)), max))
    last = [*ends]
    found, nearest = [], len(ends) - 1
    for place in range(len(last) - 1, -1, -1):
        nearest = place if last[place] else nearest
        found.append(nearest)
    return first, found[::-1]


def _places(letters: str, wanted: str) -> int:
    """Bit n is set if letter n is the wanted one."""
    return int("".join("1" if letter == wanted else "0" for letter in reversed(letters)) or "0", 2)


def _running_count(holds: Iterable[bool]) -> list[int]:
    """For how many of the first n it holds, for each n."""
    return list(accumulate(holds, initial=0))
