"""Word vectors: the sum of a text's vectors points in the direction of its meaning.

`training.stages.word_vectors` trains them to add up to a sentence encoder's embeddings.
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
    """`vectors` (n, d) are those of the folded `words`; their lengths are the weights. float32."""

    words: tuple[str, ...]
    vectors: NDArray[np.float32]

    @classmethod
    def load(cls, path: Path) -> "WordVectors":
        """Raises OSError if the file is missing, ValueError if it has no word vectors."""
        with np.load(path, allow_pickle=False) as table:
            try:
                vectors = table["vectors"] * table["scales"][:, None].astype(np.float32)
                words = tuple(str(table["words"]).split("\n"))
            except KeyError as error:
                raise ValueError(f"{path} has no word vectors: {error}") from error
        return cls(words, vectors)

    def save(self, path: Path) -> None:
        """Stores each number in 8 bits."""
        scales = (np.abs(self.vectors).max(axis=1) / 127).astype(np.float16)
        rounded = np.round(self.vectors / scales[:, None].astype(np.float32))
        np.savez_compressed(
            path,
            words="\n".join(self.words),
            vectors=np.clip(rounded, -127, 127).astype(np.int8),
            scales=scales,
        )

    def knows(self, word: str) -> bool:
        """Whether a folded word, or its stem, has a vector."""
        return bool(self._stem(word))

    def sum_of(self, folded: str) -> NDArray[np.float32]:
        """The sum of the vectors of a text's words, of unit length; zeros if none has a vector."""
        rows = [self._rows[word] for word in self.words_of(folded)]
        total = self.vectors[rows].sum(axis=0)
        length = float(np.linalg.norm(total))
        unit: NDArray[np.float32] = total / np.float32(length or 1.0)
        return unit

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
