"""Trains the word vectors that help to find which thing a description means.

The sum of the vectors of a text's words should point in the direction of its sentence embedding.
Words of other languages get the vectors of the things that CLDR calls by them.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from core.understanding.tokens import fold
from core.understanding.word_vectors import WORD, WordVectors
from training.data.concepts import LANGUAGES, Concept
from training.data.teachers import SENTENCE_WIDTH

LEARNING_RATE = 1e-3
STEPS = 500
"""More steps did not improve the results on practice descriptions."""
BATCH = 512
TEMPERATURE = 0.05
WORD_DROPOUT = 0.2
"""The share of words that are dropped at random, for regularisation."""
MIN_TEXTS = 5
"""Words in at least this many texts get a vector; words of names and keywords always do."""
WIDTH = 96
"""Principal components of a vector in the file. On practice descriptions, 384 were no better, and
64 were worse."""
FOREIGN_WEIGHT = 0.25
"""Scales the vectors of foreign words, whose length is otherwise the logarithm of their rarity."""
MAX_THINGS = 60
"""A word of another language in the names and keywords of more things gets no vector."""

RARITY_SCALE = 10.0
"""Divides the logarithm of an English word's rarity, so that vectors are about 1 long."""
NEAR_WEIGHT = 3.0
"""The weight of the cosine distance to the target, relative to the contrastive loss."""
WORD_SHARE = 0.3
"""The weight of words in the principal component analysis, relative to things."""

Text = Sequence[int]
"""The rows of a text's words."""

_WORD = re.compile(r"[a-z0-9][a-z0-9']*")
_JAPANESE_WORD = re.compile(r"[ァ-ヿ]+|[㐀-鿿]+")


def english_words(text: str) -> list[str]:
    """The folded words of a text, in order."""
    return _WORD.findall(fold(text))


def count_words(texts: Sequence[str], names: Sequence[str]) -> Counter[str]:
    """The words that get a vector, in alphabetical order, and how many texts contain each."""
    all_words = Counter(word for text in texts for word in set(english_words(text)))
    named = {word for name in names for word in english_words(name)}
    return Counter(
        {w: all_words[w] for w in sorted(all_words) if all_words[w] >= MIN_TEXTS or w in named}
    )


class WordVectorTraining(pl.LightningModule):
    """`texts` are rows of words, `targets` (n, SENTENCE_WIDTH) the sentence encoder's embeddings.

    `initial` (words, SENTENCE_WIDTH) are the vectors before training.
    """

    progress = 0.0

    def __init__(self, texts: Sequence[Text], targets: Tensor, initial: Tensor) -> None:
        super().__init__()
        self.vectors = nn.EmbeddingBag(len(initial), SENTENCE_WIDTH, mode="sum")
        self.vectors.weight.data.copy_(initial)
        self._texts, self._targets = texts, targets

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), LEARNING_RATE)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        words, starts, targets = batch
        embedded = F.normalize(self.vectors(words, starts).float(), dim=1)
        answers = torch.arange(len(embedded), device=embedded.device)
        contrastive = F.cross_entropy(embedded @ targets.t() / TEMPERATURE, answers)
        near = 1 - (embedded * targets).sum(1).mean()
        if batch_idx % 100 == 0:
            self.log("distance", near)
        if self.global_step >= STEPS:
            self.trainer.should_stop = True
        return contrastive + NEAR_WEIGHT * near

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor, Tensor]]:
        batches = _Batches(self._texts, self._targets, self.global_step)
        return DataLoader(batches, batch_size=None, num_workers=0)


class _Batches(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless batches: words of all texts in one row, where each text starts, targets."""

    def __init__(self, texts: Sequence[Text], targets: Tensor, seed: int) -> None:
        self.texts, self.targets, self.seed = texts, targets, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed)
        while True:
            chosen = torch.randint(len(self.texts), (BATCH,), generator=generator)
            texts = [torch.tensor(self.texts[i]) for i in chosen.tolist()]
            remaining = [t[torch.rand(len(t), generator=generator) > WORD_DROPOUT] for t in texts]
            remaining = [
                some if len(some) else all_ for some, all_ in zip(remaining, texts, strict=True)
            ]
            starts = torch.tensor([0, *(len(text) for text in remaining[:-1])]).cumsum(0)
            yield torch.cat(remaining), starts, self.targets[chosen]


def centred(embeddings: Tensor, mean: Tensor) -> Tensor:
    """Unit vectors after the mean is removed."""
    return F.normalize(embeddings - mean, dim=1)


def initial_vectors(words: Tensor, counts: Collection[int], texts: int) -> Tensor:
    """The sentence encoder's embeddings of single words, scaled by their rarity.

    `counts` says in how many of the `texts` each word occurs.
    """
    rarity = torch.tensor([math.log(texts / (1 + count)) for count in counts])
    return centred(words, words.mean(0)) * rarity[:, None] / RARITY_SCALE


def foreign_vectors(
    things: Sequence[Concept], meanings: Tensor, known: set[str]
) -> dict[str, Tensor]:
    """Vectors of CLDR's words for things in languages other than English, except `known` ones."""
    sharing: defaultdict[str, set[int]] = defaultdict(set)
    for row, thing in enumerate(things):
        for language in LANGUAGES[1:]:
            for phrase in (thing.names[language], *thing.keywords[language]):
                for word in _foreign_words(fold(phrase)):
                    sharing[word].add(row)
    return {
        word: F.normalize(meanings[sorted(rows)].mean(0), dim=0)
        * (FOREIGN_WEIGHT * math.log(len(things) / len(rows)))
        for word, rows in sorted(sharing.items())
        if word not in known and len(rows) <= MAX_THINGS
    }


def _foreign_words(folded: str) -> set[str]:
    """The words of a phrase; in Japanese also its runs of katakana or kanji."""
    return {*WORD.findall(folded), *_JAPANESE_WORD.findall(folded)}


def write(path: Path, vectors: dict[str, Tensor], meanings: Tensor) -> None:
    """Writes the file that `WordVectors` reads, with the space's first principal components.

    `meanings` (things, SENTENCE_WIDTH) are unit vectors; the components keep them apart.
    """
    all_vectors = torch.stack(list(vectors.values()))
    weighted = torch.cat([F.normalize(all_vectors, dim=1) * WORD_SHARE, meanings])
    _, _, axes = torch.linalg.svd(weighted, full_matrices=False)
    projected = (all_vectors @ axes[:WIDTH].t()).numpy().astype(np.float32)
    WordVectors(tuple(vectors), projected).save(path)
