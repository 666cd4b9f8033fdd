"""Reads text as a person does: letters without disguise, and the gaps between them.

Case, width, font and enclosure of a letter don't matter. Next to letters of a script, a character
that looks like one of them counts as one: digits and signs inside words ("b4d", "b@d"), and
lookalikes from other scripts in words of mixed scripts (UTS #39; a word that is all Cyrillic stays
Cyrillic). Marks that are optional in many languages are dropped, such as Arabic vowels. Marks that
make a different letter are kept, such as the vowel signs of Indic scripts and Thai, and dakuten.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby

import regex
from confusable_homoglyphs import confusables

NO_GAP, TIGHT_GAP, LOOSE_GAP, APOSTROPHE_GAP = range(4)
"""What is between two letters: nothing; punctuation or symbols; white space; an apostrophe."""

ELONGATED = 3
"""This many of the same letter in a row are for emphasis ("nuuude"), not a spelling."""

MAX_EXPANSION = 4
"""A character that stands for more letters than this is a symbol (U+FDFA stands for 18)."""

LEET = {"0": "o", "1": "i", "2": "z", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g"}
SIGNS = {"@": "a", "$": "s", "€": "e", "¢": "c", "∂": "d", "!": "i"}
CYRILLIC_LEET = {"0": "о", "3": "з", "4": "ч", "6": "б"}  # noqa: RUF001 - Cyrillic on purpose

SHAPES = {"к": "k", "κ": "k", "м": "m", "п": "n", "η": "n", "є": "e", "я": "r", "ω": "w"}
"""Letters that fancy writing mixes in for Latin ones, though UTS #39 doesn't list them."""

_DROPPED = regex.compile(
    r"[\p{M}&&[\p{Script=Inherited}\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}]"
    r"&&[^\u3099\u309a\p{Mc}]]|[\p{Default_Ignorable_Code_Point}\u0640]",
    regex.VERSION1,
)
_LETTER = regex.compile(r"[\p{L}\p{M}]")
_WORD = regex.compile(r"(?:[\p{L}\p{M}\p{Nd}]|(?:[@$€¢∂]+|!)(?=[\p{L}\p{Nd}])|(?<=\p{L})[@$€¢∂]+)+")
_LATIN = regex.compile(r"\p{Latin}")
_LATIN_LIKE = regex.compile(r"(\p{Greek})|(\p{Cyrillic})|(\p{Armenian})")
"""Scripts with letters that look like Latin ones; a group for each."""

_MODERN = regex.compile(
    r"[\p{Arabic}\p{Armenian}\p{Bengali}\p{Cyrillic}\p{Devanagari}\p{Ethiopic}\p{Georgian}\p{Greek}"
    r"\p{Gujarati}\p{Gurmukhi}\p{Han}\p{Hangul}\p{Hebrew}\p{Hiragana}\p{Kannada}\p{Katakana}"
    r"\p{Khmer}\p{Lao}\p{Malayalam}\p{Myanmar}\p{Oriya}\p{Sinhala}\p{Tamil}\p{Telugu}\p{Thaana}"
    r"\p{Thai}\p{Tibetan}\p{Bopomofo}]"
)
"""Scripts in everyday use (UTS #31, Table 5) other than Latin."""

_LATIN_NAME = re.compile(
    r".*\b(?:LATIN|REGIONAL INDICATOR)\b.*\bLETTER (?:SMALL CAPITAL )?"
    r"(DOTLESS )?([A-Z])(?: WITH .*)?"
)
_ALEF = "\u0627"
_ARABIC_ALIKE = {"\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643"}
"""Letters that some keyboards type for others: yeh without dots, Persian yeh and kaf."""
_ALPHABETS = {
    "cyrillic": "".join(map(chr, range(0x430, 0x450))),
    "greek": "".join(map(chr, range(0x3B1, 0x3CA))),
}
_APOSTROPHES = frozenset("'`´ʼ’")  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class FoldedText:
    """Letters without disguise; each sequence has an entry per letter."""

    symbols: str
    """Compared first: the bases, with i and l as the same."""
    bases: str
    """The letters without Latin marks, and those that digits and signs stand for."""
    letters: str
    """The letters with Latin marks; digits and signs as they are, and an ambiguous I as `I`."""
    elongated: list[bool]
    """Whether the letter stands for a run of at least `ELONGATED`."""
    gaps: list[int]
    """The gap before the letter."""
    spans: list[tuple[int, int]]
    """Start and end of the letter in the text."""


@dataclass(frozen=True, slots=True)
class _Letter:
    base: str
    exact: str


def fold(text: str, *, digits: bool = True, elongation: bool = True) -> FoldedText:
    """Folds a text into the letters that a person reads.

    Without `digits`, digits are gaps; without `elongation`, runs of one letter stay as they are.
    """
    bases: list[str] = []
    letters: list[str] = []
    elongated: list[bool] = []
    gaps: list[int] = []
    spans: list[tuple[int, int]] = []
    end_of_last = 0
    run = 0
    for start, end, letter in _letters(text, digits):
        gap = _gap(text[end_of_last:start]) if spans else LOOSE_GAP
        same = not gap and bases[-1:] == [letter.base] and letter.exact.isalpha()
        run = run + 1 if same else 1
        end_of_last = max(end, end_of_last)
        if elongation and run >= ELONGATED:
            if run == ELONGATED:
                for column in (bases, letters, elongated, gaps, spans):
                    del column[2 - ELONGATED :]  # one letter stays for the whole run
                elongated[-1] = True
            spans[-1] = (spans[-1][0], end)
            continue
        bases.append(letter.base)
        letters.append(letter.exact)
        elongated.append(False)
        gaps.append(gap)
        spans.append((start, end))
    base = "".join(bases)
    return FoldedText(base.replace("l", "i"), base, "".join(letters), elongated, gaps, spans)


@lru_cache(maxsize=8192)
def has_marks(letter: str) -> bool:
    """Whether a folded letter is a Latin letter with marks, or a variant with its own name."""
    return not letter.isascii() and any(known.base != letter for known in _fold_letter(letter))


def _letters(text: str, digits: bool) -> Iterator[tuple[int, int, _Letter]]:
    """All letters of a text in order, with start and end. A character may contain several."""
    covered = 0
    words = list(_WORD.finditer(text))
    for word, script in zip(words, _scripts([word[0] for word in words]), strict=True):
        for index in range(covered, word.start()):
            for letter in _enclosed(text[index]):
                yield index, index + 1, letter
        for index in range(word.start(), word.end()):
            character = text[index]
            if not digits and not _LETTER.match(character):
                continue
            for letter in _fold_character(character, script):
                yield index, index + 1, letter
        covered = word.end()
    for index in range(covered, len(text)):
        for letter in _enclosed(text[index]):
            yield index, index + 1, letter


@lru_cache(maxsize=4096)
def _enclosed(symbol: str) -> tuple[_Letter, ...]:
    """The letters that a symbol shows, such as one in a circle."""
    if symbol.isascii() or symbol.isspace():
        return ()
    if (digit := unicodedata.digit(symbol, None)) is not None:
        return _fold_letter(str(digit))
    if symbol in unicodedata.normalize("NFKC", symbol) and not _LATIN_NAME.fullmatch(_name(symbol)):
        return ()
    return tuple(letter for letter in _fold_letter(symbol) if letter.exact.isalnum())


def _scripts(words: Sequence[str]) -> Iterator[str]:
    """The script of each word; a run of single letters counts as one word."""
    bare = [_DROPPED.sub("", word) for word in words]
    for alone, run in groupby(bare, key=lambda word: len(word) == 1):
        group = list(run)
        together = _script_of("".join(group)) if alone else ""
        yield from (together if alone else _script_of(word) for word in group)


def _gap(between: str) -> int:
    between = _DROPPED.sub("", between)
    if not between:
        return NO_GAP
    if between[-1] in _APOSTROPHES and _APOSTROPHES.issuperset(between.strip()):
        return APOSTROPHE_GAP
    return LOOSE_GAP if any(map(str.isspace, between)) else TIGHT_GAP


@lru_cache(maxsize=1024)
def _script_of(word: str) -> str:
    """The script that lookalikes in a word belong to: `latin`, `cyrillic`, `greek`, or ""."""
    if word.isascii():
        return "latin"
    latin = [character for character in word if _LATIN.match(character)]
    shaped = [match for match in map(_LATIN_LIKE.match, word) if match]
    mixed = len({match.lastindex for match in shaped}) > 1
    if not mixed and any(_lookalike(match[0]) is None for match in shaped):
        script = {1: "greek", 2: "cyrillic"}.get(shaped[0].lastindex or 0, "")
        letters = {letter.base for c in latin for letter in _fold_letter(c)}
        outnumbered = script == "greek" and len(latin) >= len(shaped)
        if letters <= _lookalikes_in(script).keys() and not outnumbered:
            return script
    return "latin" if latin or mixed else ""


@lru_cache(maxsize=8192)
def _fold_character(character: str, script: str) -> tuple[_Letter, ...]:
    """The letters of a character in a word whose lookalikes belong to this script."""
    if _DROPPED.fullmatch(character):
        return ()
    if character in LEET or character in SIGNS:
        base = LEET.get(character) or SIGNS[character]
        if script == "cyrillic":
            base = CYRILLIC_LEET.get(character, base)
        return (_Letter(base, character),)
    folded = _fold_letter(character)
    if script in _ALPHABETS and _LATIN.match(character):
        return tuple(_as(letter, _lookalikes_in(script).get(letter.base)) for letter in folded)
    if script == "latin" and (shape := SHAPES.get(character.lower())):
        return (_Letter(shape, shape),)
    if _LATIN.match(character) or (script != "latin" and _MODERN.match(character)):
        return folded
    lookalike = _lookalike(character)
    return (_Letter(lookalike, lookalike),) if lookalike else folded


def _as(letter: _Letter, base: str | None) -> _Letter:
    return _Letter(base, base) if base else letter


@lru_cache(maxsize=8192)
def _fold_letter(character: str) -> tuple[_Letter, ...]:
    """The letters of a character on its own; usually one."""
    plain = unicodedata.normalize("NFKC", character)
    if plain != character and len(plain) <= MAX_EXPANSION:
        return tuple(letter for c in plain if not _DROPPED.match(c) for letter in _fold_letter(c))
    if character == "I":
        return (_Letter("i", "I"),)
    if character in LEET:
        return (_Letter(LEET[character], character),)
    folded = unicodedata.normalize("NFC", _DROPPED.sub("", character.casefold()))
    if len(folded) > 1:
        return tuple(letter for c in folded for letter in _fold_letter(c))
    if not folded:
        return ()
    return (_fold_single(folded),)


def _fold_single(letter: str) -> _Letter:
    """Folds one letter in lower case."""
    bare = unicodedata.normalize("NFD", letter)
    if letter.isascii():
        return _Letter(letter, letter)
    if named := _LATIN_NAME.fullmatch(_name(letter)):
        shown = named[2].lower()
        with_marks = "WITH" in named[0] or named[1] is not None
        return _Letter(shown, letter if with_marks else shown)
    if _LATIN.match(letter):
        if bare[0].isascii():
            return _Letter(bare[0], letter)
        lookalike = _lookalike(letter)
        return _Letter(lookalike or letter, lookalike or letter)
    if regex.match(r"\p{Greek}", letter) or bare[0] == _ALEF:
        return _Letter(bare[0], bare[0])
    if letter in _ARABIC_ALIKE:
        return _Letter(_ARABIC_ALIKE[letter], _ARABIC_ALIKE[letter])
    if bare[0] == "е" or bare[1:] in ("\u0300", "\u0301"):  # noqa: RUF001 - Cyrillic
        return _Letter(bare[0], bare[0])
    return _Letter(letter, letter)


@lru_cache(maxsize=8192)
def _lookalike(letter: str) -> str | None:
    """The ASCII letter that a letter looks like."""
    for known in confusables.is_confusable(letter, greedy=True) or ():
        for shape in known["homoglyphs"]:
            bare = _bare(shape["c"])
            if bare is not None:
                return bare
    return None


def _bare(shape: str) -> str | None:
    if len(shape) == 1 and (named := _LATIN_NAME.fullmatch(_name(shape))):
        return named[2].lower()
    bare = unicodedata.normalize("NFKD", shape).casefold()
    return bare if len(bare) == 1 and bare.isascii() and bare.isalpha() else None


@cache
def _lookalikes_in(script: str) -> dict[str, str]:
    """Maps ASCII letters to the letters of a script that look like them."""
    found: dict[str, str] = {}
    for letter in _ALPHABETS.get(script, ""):
        for shape in (letter, letter.upper()):
            if lookalike := _lookalike(shape):
                found.setdefault(lookalike, letter)
    return found


def _name(character: str) -> str:
    return unicodedata.name(character, "")
