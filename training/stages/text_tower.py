"""Trains CLIP's text tower to embed any text as the sentence encoder embeds its English."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pytorch_lightning as pl
import torch
from clip.model import CLIP
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from engine.models.locked_clip import new_clip
from engine.models.perceptor import END, START, clip_tokenizer
from training.stages.alignment import WIDTH

LEARNING_RATE = 1.5e-3
BATCH = 256
TRANSFORMER_WIDTH, LAYERS = 256, 4
MAX_TOKENS = 40
"""Longer texts are truncated to this many tokens, including start and end."""
EMBED_BATCH = 1024
"""Texts in a batch of `embed_texts`."""
UNKNOWN = 0
"""The row of all tokens that no text contains; it stays zero."""
TEMPERATURE = 0.05


@dataclass(frozen=True)
class Tokens:
    """Texts as rows of a small token table: `known` are CLIP's ids in ascending order, from row 1.

    In this order the end of a text still has the highest id, where CLIP looks for it.
    """

    known: tuple[int, ...]

    @classmethod
    def of(cls, encoded: list[list[int]]) -> "Tokens":
        ids = {token for text in encoded for token in text}
        return cls((*sorted(ids - {START, END}), START, END))

    @cached_property
    def table(self) -> Tensor:
        """Rows by CLIP's ids."""
        rows = torch.full((END + 1,), UNKNOWN, dtype=torch.long)
        rows[torch.tensor(self.known)] = torch.arange(1, len(self.known) + 1)
        return rows

    @property
    def size(self) -> int:
        return len(self.known) + 1


def encoded(texts: list[str]) -> list[list[int]]:
    """CLIP's byte pairs of each text, between START and END."""
    tokenizer = clip_tokenizer()
    return [[START, *tokenizer.encode(text)[: MAX_TOKENS - 2], END] for text in texts]


def padded(texts: Sequence[Sequence[int]], tokens: Tokens) -> Tensor:
    """Texts as `encoded` → (n, MAX_TOKENS) rows of the token table."""
    rows = torch.zeros(len(texts), MAX_TOKENS, dtype=torch.long)
    for row, ids in zip(rows, texts, strict=True):
        row[: len(ids)] = tokens.table[torch.tensor(ids)]
    return rows


class TextTowerTraining(pl.LightningModule):
    """Learns from texts (rows of the token table, padded with 0) and their targets.

    The loss is the cosine distance to the target, and a contrastive one: the right one of the
    batch's targets must be the nearest, which separates texts that differ in one word.
    """

    progress = 0.0

    def __init__(self, texts: Tensor, targets: Tensor, which: Tensor, tokens: Tokens) -> None:
        super().__init__()
        self.clip: CLIP = new_clip(tokens.size, WIDTH, TRANSFORMER_WIDTH, LAYERS)
        self.register_buffer("known", torch.tensor(tokens.known))
        self.known: Tensor
        self.clip.token_embedding.padding_idx = UNKNOWN
        self.clip.token_embedding.weight.data[UNKNOWN] = 0
        self._texts, self._targets, self._which = texts, targets, which

    def configure_optimizers(self) -> torch.optim.Optimizer:
        trained = [p for p in self.parameters() if p.requires_grad]
        return torch.optim.AdamW(trained, LEARNING_RATE, (0.9, 0.98), weight_decay=0.01)

    def embed(self, tokens: Tensor) -> Tensor:
        """(n, length) rows → (n, WIDTH) of unit length."""
        return F.normalize(encode_text(self.clip, tokens).float(), dim=-1)

    @torch.no_grad()
    def embed_texts(self, texts: list[str]) -> Tensor:
        """(n, WIDTH) of unit length."""
        tokens = Tokens(tuple(self.known.tolist()))
        rows = padded(encoded(texts), tokens)
        lengths = (rows > 0).sum(1)
        embedded = torch.zeros(len(texts), WIDTH)
        for part in lengths.argsort().split(EMBED_BATCH):
            with torch.autocast("cpu", torch.bfloat16):
                embedded[part] = self.embed(rows[part, : int(lengths[part].max())])
        return embedded

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        tokens, targets = batch
        embedded = self.embed(tokens)
        logits = embedded @ targets.t() / TEMPERATURE
        same = targets @ targets.t() > 0.999
        logits = logits.masked_fill(same & ~torch.eye(len(same), dtype=torch.bool), -1e4)
        answers = torch.arange(len(embedded), device=embedded.device)
        near = 1 - (embedded * targets).sum(1).mean()
        loss: Tensor = 4 * near + 0.5 * F.cross_entropy(logits, answers)
        if batch_idx % 100 == 0:
            self.log("distance", near)
        return loss

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        texts = _Texts(self._texts, self._targets, self._which, self.global_step)
        return DataLoader(texts, batch_size=None, num_workers=0)


def encode_text(network: CLIP, tokens: Tensor) -> Tensor:
    """CLIP's `encode_text`, but for texts shorter than its context: (n, length) → (n, WIDTH)."""
    length = tokens.shape[1]
    hidden = network.token_embedding(tokens) + network.positional_embedding[:length]
    hidden = hidden.permute(1, 0, 2)
    for block in network.transformer.resblocks:
        block.attn_mask = network.transformer.resblocks[0].attn_mask
        mask = block.attn_mask
        block.attn_mask = mask[:length, :length]
        hidden = block(hidden)
        block.attn_mask = mask
    hidden = network.ln_final(hidden.permute(1, 0, 2))
    ends = tokens.argmax(-1)
    found: Tensor = hidden[torch.arange(len(hidden)), ends] @ network.text_projection
    return found


class _Texts(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless batches of texts of similar length."""

    def __init__(self, tokens: Tensor, targets: Tensor, which: Tensor, seed: int) -> None:
        self.tokens, self.targets, self.which, self.seed = tokens, targets, which, seed
        self.lengths = (tokens > 0).sum(1)

    def __iter__(self):  # type: ignore[no-untyped-def]
        generator = torch.Generator().manual_seed(self.seed)
        while True:
            chosen = torch.randint(len(self.tokens), (BATCH * 16,), generator=generator)
            chosen = chosen[self.lengths[chosen].argsort()].view(16, BATCH)
            for part in torch.randperm(16, generator=generator):
                rows = chosen[part]
                longest = int(self.lengths[rows].max())
                yield self.tokens[rows, :longest], self.targets[self.which[rows]]
