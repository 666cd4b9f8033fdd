"""The words of the captions, and the facts they claim.

CLIP's table has 49,408 tokens; the captions use some 150. Only those are trained, in a table of
their own, and put in their places at the end; all others stay zero, which the training also shows
to the text tower as words that say nothing.
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
"""Facts of which a scene has one of each line, or none, or (with several figures) a few."""

SINGLE: tuple[str, ...] = ("landscape", *scenes.SKIES, *scenes.THINGS, "watermark")
"""Facts that are there or not, each for itself."""

FACTS: tuple[str, ...] = (*(fact for facts in EXCLUSIVE for fact in facts), *SINGLE)

UNKNOWN = 0


@dataclass(frozen=True)
class Vocabulary:
    """`known` holds CLIP's ids of the words in use, in rising order; row 0 is any other word.

    The order is kept so that the end of a text is still its highest id, where CLIP looks for it.
    """

    known: tuple[int, ...]

    @classmethod
    def of_captions(cls) -> "Vocabulary":
        """Every token that the captions use."""
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
        """The rows of a text's tokens, from its start to its end."""
        words = [token for word in _words(text) for token in _tokens_of(word)]
        return [self._row.get(token, UNKNOWN) for token in (START, *words, END)]

    def tokens(self, texts: list[str], random: Random) -> Tensor:
        """(texts, longest) rows; now and then with a word in between that says nothing."""
        lines = [self.rows(text) for text in texts]
        for line in lines:
            if random.random() < 0.15:
                line.insert(random.randrange(1, len(line)), UNKNOWN)
        longest = max(map(len, lines))
        return torch.tensor([line + [UNKNOWN] * (longest - len(line)) for line in lines])


@cache
def words_of_captions() -> frozenset[str]:
    """Every word that captions use; drawn from so many of them that none is missed."""
    random = Random(0)
    texts = (captions.caption(scenes.random_scene(random), random).text for _ in range(20_000))
    return frozenset(word for text in texts for word in _words(text))


def _words(text: str) -> list[str]:
    return text.replace(",", " ,").split()


@cache
def _tokens_of(word: str) -> tuple[int, ...]:
    """CLIP's byte pairs never reach across words, so that words can be remembered one by one."""
    return tuple(int(token) for token in clip.tokenize(word)[0] if 0 < token < START)
