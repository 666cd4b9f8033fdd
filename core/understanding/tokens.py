"""Folds texts and splits them into words, as the vocabulary looks them up."""

import re
import unicodedata
from collections.abc import Sequence

from core.understanding.emoji import spelled_out
from core.understanding.word_vectors import UNSPACED

_WORD = re.compile(r"[\w'-]+")
_PUNCTUATION = re.compile(r"[^\w\s'&/+-]")
_KATAKANA = {hiragana: hiragana + 0x60 for hiragana in range(0x3041, 0x3097)}
"""Hiragana to katakana: both write the same sounds, and members use either for names."""


def fold(text: str) -> str:
    """Lower case, without accents on Latin letters, straight apostrophes, katakana for hiragana.

    Emoji become words.
    """
    text = unicodedata.normalize("NFKD", spelled_out(text).casefold().replace("’", "'"))
    plain = "".join(
        c for i, c in enumerate(text)
        if not (unicodedata.combining(c) and i and text[i - 1].isascii())
    )  # fmt: skip
    return unicodedata.normalize("NFC", plain).translate(_KATAKANA).strip()


def words_of(folded: str) -> list[str]:
    """The words of a text; in scripts without spaces, its single characters."""
    return [part for word in _WORD.findall(folded) for part in _parts(word)]


def clauses_of(folded: str) -> list[int]:
    """The clause of each word: how many gaps with punctuation come before it."""
    clauses, clause, end = list[int](), 0, 0
    for found in _WORD.finditer(folded):
        clause += bool(_PUNCTUATION.search(folded, end, found.start()))
        clauses += [clause] * len(_parts(found[0]))
        end = found.end()
    return clauses


def joined(words: Sequence[str]) -> str:
    """Joins words with spaces, except in scripts that have none."""
    spaced = [w if UNSPACED.match(w) else f" {w} " for w in words]
    return re.sub(r"\s+", " ", "".join(spaced)).strip()


def without_punctuation(name: str) -> str:
    """A name as it is looked up, folded and without punctuation: "person running facing right"."""
    return joined(words_of(fold(name)))


def _parts(word: str) -> list[str]:
    return re.findall(r"[a-z0-9]+|\W|\w", word) if UNSPACED.search(word) else [word]
