"""Word vectors, which find the thing that a description means.

"A furry animal that builds dams" contains none of a beaver's names. But the sum of its word vectors
points towards the sentence encoder's embedding of a beaver's name, keywords and definition.
`training.stages.word_vectors` creates both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

UNSPACED = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]")
"""Characters of scripts that have no spaces between words."""
WORD = re.compile(r"[^\W_][\w']*")
_ENDINGS = ("s", "es", "n", "en", "e", "er", "x")
_SHORTEST_STEM = 3


@dataclass(frozen=True)
class WordVectors:
    """`vectors` (n, d) are those of the folded `words`; their lengths are the weights. float32.

    `things` (m, d) are the unit vectors of the things in the order of `names`. float32.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]
    names: tuple[str, ...]
    things: NDArray[np.float32]

    @classmethod
    def load(cls, path: Path) -> "WordVectors":
        """Raises OSError if the file is missing, ValueError if it has no word vectors."""
        with np.load(path, allow_pickle=False) as table:
            try:
                vectors = table["vectors"] * table["scales"][:, None].astype(np.float32)
                things = table["things"].astype(np.float32)
                words = tuple(str(table["words"]).split("\n"))
                names = tuple(str(table["names"]).split("\n"))
            except KeyError as error:
                raise ValueError(f"{path} has no word vectors: {error}") from error
        lengths = np.linalg.norm(things, axis=1, keepdims=True)
        return cls(words, vectors, names, things / lengths)

    def save(self, path: Path) -> None:
        """Stores each number in 8 bits."""
        scales = (np.abs(self.vectors).max(axis=1) / 127).astype(np.float16)
        rounded = np.round(self.vectors / scales[:, None].astype(np.float32))
        np.savez_compressed(
            path,
            words="\n".join(self.words),
            vectors=np.clip(rounded, -127, 127).astype(np.int8),
            scales=scales,
            names="\n".join(self.names),
            things=np.round(self.things * 127 / np.abs(self.things).max()).astype(np.int8),
        )

    def knows(self, word: str) -> bool:
        """Whether a folded word, or its stem, has a vector."""
        return bool(self._stem(word))

    def nearest(self, folded: str) -> tuple[str, float]:
        """The thing nearest to a text, and the cosine; ("", 0.0) if no word has a vector."""
        return next(iter(self.nearest_things(folded, 1)), ("", 0.0))

    def nearest_things(self, folded: str, count: int) -> list[tuple[str, float]]:
        """The things nearest to a text with their cosines, the nearest first."""
        meaning = self._meaning(folded)
        if meaning is None:
            return []
        cosines = self.things @ meaning
        best = np.argsort(-cosines)[:count]
        return [(self.names[row], float(cosines[row])) for row in best]

    def cosine(self, folded: str, name: str) -> float:
        """The cosine of a text and a thing; 1.0 if no word or no such thing has a vector."""
        meaning = self._meaning(folded)
        if meaning is None or name not in self.names:
            return 1.0
        return float(self.things[self.names.index(name)] @ meaning)

    def _meaning(self, folded: str) -> NDArray[np.float32] | None:
        """The unit vector of a text."""
        rows = [self._rows[word] for word in self.words_of(folded)]
        total = self.vectors[rows].sum(axis=0)
        length = float(np.linalg.norm(total))
        return total / np.float32(length) if length else None

    def words_of(self, folded: str) -> Iterator[str]:
        """The words of a text that have vectors; in unspaced scripts, the longest ones."""
        for word in WORD.findall(folded):
            if UNSPACED.search(word):
                yield from self._longest_in(word)
            elif stem := self._stem(word):
                yield stem

    def _longest_in(self, text: str) -> Iterator[str]:
        start = 0
        while start < len(text):
            ends = range(min(len(text), start + self._longest), start, -1)
            end = next((end for end in ends if text[start:end] in self._rows), 0)
            if end:
                yield text[start:end]
            start = end or start + 1

    def _stem(self, word: str) -> str:
        if word in self._rows:
            return word
        for ending in _ENDINGS:
            stem = word.removesuffix(ending)
            if stem != word and len(stem) >= _SHORTEST_STEM and stem in self._rows:
                return stem
        return ""

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def _longest(self) -> int:
        """The number of characters of the longest word in an unspaced script."""
        return max((len(word) for word in self.words if UNSPACED.search(word)), default=0)
