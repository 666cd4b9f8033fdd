"""The words of the captions, and the facts that they state.

CLIP has 49,408 tokens; the captions use about 150. Only these have trained embeddings, in a compact
table that the export expands. All others stay zero, and the text tower is also trained with such
unknown words.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from random import Random

import clip
import torch
from torch import Tensor

from engine.models.perceptor import END, START
from training.data import drawn_captions as captions
from training.data import drawn_scenes as scenes

EXCLUSIVE: tuple[tuple[str, ...], ...] = (
    scenes.SHAPES,
    tuple(scenes.COLOURS),
    tuple(f"{colour} ground" for colour in scenes.COLOURS),
    tuple(f"{colour} {shape}" for colour in scenes.COLOURS for shape in scenes.SHAPES),
    tuple(f"{pattern} ground" for pattern in scenes.PATTERNS),
    tuple(f"{count} figures" for count in scenes.NUMBERS),
    tuple(word for word in scenes.SIZES if word),
    tuple(scenes.PLACES),
    scenes.LANDS,
    scenes.TIMES,
)
"""Groups of exclusive facts; a scene has one of each, none, or (with several figures) a few."""

SINGLE: tuple[str, ...] = ("landscape", *scenes.SKIES, *scenes.THINGS, "watermark")
"""Facts that are true or false independently."""

FACTS: tuple[str, ...] = (*(fact for facts in EXCLUSIVE for fact in facts), *SINGLE)

UNKNOWN = 0


@dataclass(frozen=True)
class Vocabulary:
    """`known` has CLIP's ids of the used tokens in ascending order; row 0 is any other token.

    In this order the end token still has the highest id; CLIP reads the text embedding there.
    """

    known: tuple[int, ...]

    @classmethod
    def of_captions(cls) -> "Vocabulary":
        """All tokens that the captions use."""
        words = words_of_captions()
        ids = {token for word in words for token in _tokens_of(word)}
        return cls((*sorted(ids), START, END))

    @property
    def size(self) -> int:
        return len(self.known) + 1

    @cached_property
    def _row(self) -> dict[int, int]:
        return {token: row for row, token in enumerate(self.known, start=1)}

    def rows(self, text: str) -> list[int]:
        """The rows of a text's tokens, including start and end."""
        words = [token for word in _words(text) for token in _tokens_of(word)]
        return [self._row.get(token, UNKNOWN) for token in (START, *words, END)]

    def tokens(self, texts: list[str], random: Random) -> Tensor:
        """(texts, longest) rows, sometimes with an unknown word inserted."""
        lines = [self.rows(text) for text in texts]
        for line in lines:
            if random.random() < 0.15:
                line.insert(random.randrange(1, len(line)), UNKNOWN)
        longest = max(map(len, lines))
        return torch.tensor([line + [UNKNOWN] * (longest - len(line)) for line in lines])


@cache
def words_of_captions() -> frozenset[str]:
    """All words that captions use, from enough captions to miss none."""
    random = Random(0)
    texts = (captions.caption(scenes.random_scene(random), random).text for _ in range(20_000))
    return frozenset(word for text in texts for word in _words(text))


def _words(text: str) -> list[str]:
    return text.replace(",", " ,").split()


@cache
def _tokens_of(word: str) -> tuple[int, ...]:
    """The tokens of one word, cached: CLIP's byte pairs never span words."""
    return tuple(int(token) for token in clip.tokenize(word)[0] if 0 < token < START)
