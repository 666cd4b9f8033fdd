"""Trains CLIP's image tower: it sees what the ImageNet network sees, and what captions say."""

from collections.abc import Iterator

import pytorch_lightning as pl
import torch
from clip.model import CLIP
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from training.data.pool import Pool
from training.stages.alignment import TEMPERATURE
from training.stages.clip import cutouts, new_clip, normalised

LEARNING_RATE = 2e-3
BATCH = 48

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


class ImageTowerTraining(pl.LightningModule):
    """Learns from a pool of scenes.

    `seen` (n, WIDTH) are the common space's embeddings of the scenes, `said` (m, WIDTH) those of
    captions, of which `captions` (n, k) are right for each scene; `names` (c, WIDTH) are those of
    all names, and `concepts` (n,) says which one a scene of a single kind of thing shows, or -1.
    """

    progress = 0.0

    def __init__(
        self,
        pool: Pool,
        seen: Tensor,
        said: Tensor,
        captions: Tensor,
        names: Tensor,
        concepts: Tensor,
    ) -> None:
        super().__init__()
        self.clip: CLIP = new_clip(2)
        for part in (self.clip.transformer, self.clip.token_embedding, self.clip.ln_final):
            part.requires_grad_(False)
        self._pool, self._seen, self._said = pool, seen, said
        self._captions, self._names, self._concepts = captions, names, concepts

    def configure_optimizers(self) -> torch.optim.Optimizer:
        self.clip.visual.to(memory_format=torch.channels_last)
        return torch.optim.AdamW(
            self.clip.visual.parameters(), LEARNING_RATE, (0.9, 0.98), weight_decay=0.05
        )

    def embed(self, cuts: Tensor) -> Tensor:
        """(n, 3, RESOLUTION, RESOLUTION) from 0 to 1 → (n, WIDTH) of unit length."""
        seen = self.clip.visual(normalised(cuts).contiguous(memory_format=torch.channels_last))
        return F.normalize(seen.float(), dim=-1)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        images, seen, said, concepts = batch
        smallest = 0.95 if batch_idx % 2 else 0.5
        embedded = self.embed(cutouts(images, smallest))
        distance = 1 - (embedded * seen).sum(1).mean()
        logits = embedded @ said.t() / TEMPERATURE
        same = said @ said.t() > 0.98
        logits = logits.masked_fill(same & ~torch.eye(len(same), dtype=torch.bool), -1e4)
        loss = F.cross_entropy(logits, torch.arange(len(images)))
        named = concepts >= 0
        if named.any():
            by_name = embedded[named] @ self._names.t() / TEMPERATURE
            naming = F.cross_entropy(by_name, concepts[named])
            loss = 0.5 * loss + 0.5 * naming
            if batch_idx % 50 < 2:
                right = by_name.argmax(1) == concepts[named]
                self.log("named_right", right.float().mean())
        return loss + 4 * distance

    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(_Scenes(self, self.global_step), batch_size=None, num_workers=0)


class _Scenes(IterableDataset[Batch]):
    def __init__(self, training: ImageTowerTraining, seed: int) -> None:
        self.training, self.seed = training, seed

    def __iter__(self) -> Iterator[Batch]:
        training = self.training
        generator = torch.Generator().manual_seed(self.seed + 3)
        count, each = training._captions.shape
        while True:
            rows = torch.randint(count, (BATCH,), generator=generator)
            caption = training._captions[rows, torch.randint(each, (BATCH,), generator=generator)]
            yield (
                training._pool.images(rows),
                training._seen[rows].float(),
                training._said[caption].float(),
                training._concepts[rows],
            )
