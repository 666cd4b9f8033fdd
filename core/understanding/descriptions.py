"""Finds the thing that a text describes, among things with written descriptions.

"A furry animal that builds dams" has none of a beaver's names. Two measures find the beaver: which
words the text shares with its descriptions, rare ones counting more (TF-IDF, Spärck Jones, "A
Statistical Interpretation of Term Specificity", 1972), and the cosine of their summed word vectors,
which also knows related words. The first works in every language, the second mostly in English.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.understanding.tokens import fold
from core.understanding.word_vectors import UNSPACED, WORD, WordVectors

Scores = NDArray[np.float32]
SHARED_WEIGHT = 2.0
"""Weight of the shared words, relative to the cosine of the vectors."""
_ENDINGS = ("ing", "ed", "es", "s", "en", "e", "n")
_SHORTEST_STEM = 4


class Descriptions:
    """`texts` are the descriptions of each thing by language and English name, English first.

    A thing's word vector is the sum of those of all words of its English texts.
    """

    def __init__(
        self, texts: Mapping[str, Mapping[str, Sequence[str]]], vectors: WordVectors
    ) -> None:
        self.names = tuple(texts["en"])
        self._vectors = vectors
        english = [fold(" ".join(texts["en"][name])) for name in self.names]
        everything = [
            fold("\n".join(text for each in texts.values() for text in each.get(name, ())))
            for name in self.names
        ]
        self._meanings = np.stack([vectors.sum_of(text) for text in english])
        self._things_by_term = _rows_by_term(everything)
        squares = np.full(len(self.names), 1e-6, np.float32)
        for term, rows in self._things_by_term.items():
            squares[rows] += self._rarity(term) ** 2
        self._lengths: Scores = np.sqrt(squares)

    def nearest(self, text: str) -> tuple[str, float]:
        """The thing nearest to a text, and its score from 0 to 3; ("", 0.0) if there is none."""
        return next(iter(self.nearest_things(text, 1)), ("", 0.0))

    def nearest_things(self, text: str, count: int) -> list[tuple[str, float]]:
        """The things nearest to a text with their scores from 0 to 3, the nearest first."""
        scores = self._scores(text)
        best = np.argsort(-scores, kind="stable")[:count]
        return [(self.names[row], float(scores[row])) for row in best if scores[row] > 0]

    def cosine(self, text: str, name: str) -> float:
        """The cosine of the word vectors of a text and a thing; 1.0 if either has none."""
        meaning = self._vectors.sum_of(fold(text))
        if not meaning.any() or name not in self.names:
            return 1.0
        return float(self._meanings[self.names.index(name)] @ meaning)

    def share_described(self, text: str, name: str) -> float:
        """The share of a text's words that a thing's descriptions have, weighted by rarity."""
        row, terms = self.names.index(name), self._terms_of(text)
        shared = [term for term in terms if row in self._things_by_term[term]]
        return self._weight(shared) / (self._weight(terms) or 1.0)

    def share_of_part(self, text: str, part: str) -> float:
        """The share of a text's words that are in a part of it, weighted by rarity."""
        terms = self._terms_of(text)
        return self._weight(terms & self._terms_of(part)) / (self._weight(terms) or 1.0)

    def _scores(self, text: str) -> Scores:
        return self._cosines(text) + SHARED_WEIGHT * self._shared_words(text)

    def _cosines(self, text: str) -> Scores:
        """The cosine of the word vectors of a text and each thing."""
        cosines: Scores = self._meanings @ self._vectors.sum_of(fold(text))
        return cosines

    def _shared_words(self, text: str) -> Scores:
        """The TF-IDF cosine of a text and each thing's texts."""
        scores = np.zeros(len(self.names), np.float32)
        terms = self._terms_of(text)
        for term in terms:
            scores[self._things_by_term[term]] += self._rarity(term) ** 2
        cosines: Scores = scores / self._lengths / np.float32(math.sqrt(self._weight(terms)) or 1.0)
        return cosines

    def _terms_of(self, text: str) -> set[str]:
        """The terms of a text that any descriptions have."""
        return {term for term in _terms(fold(text)) if term in self._things_by_term}

    def _weight(self, terms: Iterable[str]) -> float:
        return sum(self._rarity(term) ** 2 for term in terms)

    def _rarity(self, term: str) -> float:
        return math.log(len(self.names) / len(self._things_by_term[term]))


def _rows_by_term(texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """The rows of the texts that contain each term."""
    table = defaultdict[str, list[int]](list)
    for row, text in enumerate(texts):
        for term in dict.fromkeys(_terms(text)):
            table[term].append(row)
    return {term: np.array(rows) for term, rows in table.items()}


def _terms(folded: str) -> Iterator[str]:
    """The words of a text without common endings; in unspaced scripts, pairs of characters."""
    for word in WORD.findall(folded):
        if UNSPACED.search(word):
            yield from (word[i : i + 2] for i in range(len(word) - 1))
        else:
            yield _stem(word)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word.removesuffix(ending)
    return word
