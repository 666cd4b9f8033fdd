"""The word filter before it used an automaton, kept as a baseline.

It compared each rule with every run of single letters, in every reading, which takes time cubic in
the length of the text.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from confusable_homoglyphs import confusables

from core.moderation import WordRule

SHORTEST_SPELLED = 3
"""The fewest letters with gaps between them that are read as a word; "plan b a dog" has too few."""

MOST_UNCLEAR = 4
"""How many of a word's letters that may be an i or an l are tried both ways."""

_INVISIBLE = frozenset({"Mn", "Me", "Cf"})
_GLUE = re.compile(r"(?<=\w)[-_.*~·]+(?=\w)")
_SIGNS = re.compile(r"[@$](?=\w)|(?<=\w)[@$]|(?<=[^\W\d_])!(?=[^\W\d_])")
_STANDS_FOR = {"@": "a", "$": "s", "!": "i"}
_DIGITS = str.maketrans("034578", "oeastb")
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule, and what it found in a text."""

    rule: WordRule
    found: str


def first_hit(rules: Iterable[WordRule], text: str) -> Hit | None:
    """The first of the rules that a text breaks; None if it breaks none."""
    places = _places(text)
    for rule in rules:
        wanted = [_readings(word) for word in _words(rule.text)]
        found = None
        if _UNSPACED.search(rule.text):
            found = rule.text if _bare(rule.text) in _bare(text) else None
        elif len(wanted) == 1:
            found = next((places[reading] for reading in wanted[0] if reading in places), None)
        elif wanted:
            found = _phrase(wanted, _words(text))
        if found is not None:
            return Hit(rule, found)
    return None


def _places(text: str) -> dict[str, str]:
    """Everything that may be read as one word, with its original text.

    These are the words, the words without the signs inside them, and runs of single letters.
    """
    words = _words(text)
    read = [(word, word) for word in words]
    for chunk in filter(_GLUE.search, _bare(text).split()):
        read += [(word, chunk) for word in _words(_GLUE.sub("", chunk))]
    read += [("".join(letters), " ".join(letters)) for letters in _spelled(words)]
    return {reading: found for word, found in reversed(read) for reading in _readings(word)}


def _spelled(words: list[str]) -> Iterator[list[str]]:
    """Every run of single letters that may be a word with gaps."""
    for first in range(len(words)):
        for end in range(first + 1, len(words) + 1):
            if len(words[end - 1]) > 1:
                break
            if end - first >= SHORTEST_SPELLED:
                yield words[first:end]


def _phrase(wanted: list[frozenset[str]], words: list[str]) -> str | None:
    """The text where these words first follow one another; None if they never do."""
    for first in range(len(words) - len(wanted) + 1):
        here = words[first : first + len(wanted)]
        pairs = zip(wanted, map(_readings, here), strict=True)
        if all(not readings.isdisjoint(others) for readings, others in pairs):
            return " ".join(here)
    return None


def _words(text: str) -> list[str]:
    return _WORD.findall(_SIGNS.sub(lambda sign: _STANDS_FOR[sign[0]], _bare(text)))


def _bare(text: str) -> str:
    """The text without accents and invisible characters."""
    characters = unicodedata.normalize("NFKD", text)
    kept = "".join(c for c in characters if unicodedata.category(c) not in _INVISIBLE)
    return unicodedata.normalize("NFC", kept)


@lru_cache(maxsize=4096)
def _readings(word: str) -> frozenset[str]:
    """The readings of a word, in lower case.

    A 1 or a capital I is read as i and as l, other digits as letters; digits alone are a number. A
    capital letter may look like a different letter than its lower-case form, so both are tried.
    """
    if word.isdigit():
        return frozenset({word})
    unclear = [place for place, letter in enumerate(word) if letter in "1I"][:MOST_UNCLEAR]
    letters, read = list(word), set()
    for choice in product("il", repeat=len(unclear)):
        for place, letter in zip(unclear, choice, strict=True):
            letters[place] = letter
        meant = "".join(letters).translate(_DIGITS)
        read |= {_plain(meant).casefold(), _plain(meant.casefold())}
    return frozenset(read)


def _plain(word: str) -> str:
    return "".join(map(_look_alike, word))


@lru_cache(maxsize=4096)
def _look_alike(letter: str) -> str:
    """The ASCII letter that a letter looks like; itself if there is none."""
    if letter.isascii() or not letter.isalpha():
        return letter
    for known in confusables.is_confusable(letter, greedy=True) or ():
        for shape in known["homoglyphs"]:
            bare = _bare(shape["c"])
            if len(bare) == 1 and bare.isascii() and bare.isalpha():
                return bare
    return letter
