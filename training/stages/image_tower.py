"""Trains the head of CLIP's image tower, over the features of a frozen ImageNet network.

Locked-image tuning (Zhai et al., "LiT", 2022). The features are those of cutouts like the
renderer's, tinted and noisy; for a third of the scenes, of the VQGAN's reconstructions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from engine.models.efficientnet_lite import EfficientNetLite2
from engine.models.locked_clip import EmbeddingHead
from engine.models.vqgan import VQGAN
from training.data.scenes import Scene, SceneMaker
from training.data.teachers import ImageNetFeatures
from training.stages.alignment import TEMPERATURE, WIDTH
from training.stages.cutouts import cutouts

LEARNING_RATE = 1e-3
BATCH = 512
HIDDEN = 1024
DROPOUT = 0.5
WEIGHT_DECAY = 0.3
NOISE = 0.5
"""Standard deviation of the noise on features, relative to theirs. Of a maker left out of the
training, the head then names 72 % of the images among the five nearest, instead of 67 %."""
VIEW_BATCH = 48
"""Scenes in a batch of the ImageNet network."""
DECODED = 3
"""One in this many batches shows the VQGAN's reconstructions."""

Batch = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Views:
    """`features` (v, FEATURES) of cutouts, and `scenes` (v,), the scene that each one shows."""

    features: Tensor
    scenes: Tensor


@torch.no_grad()
def compute_views(
    network: EfficientNetLite2, vqgan: VQGAN, maker: SceneMaker, scenes: Sequence[Scene]
) -> Views:
    """Computes two views of every scene: a cutout of nearly all of it, and one of a part."""
    features, shown = [], []
    for number, rows in enumerate(torch.arange(len(scenes)).split(VIEW_BATCH)):
        drawn = torch.from_numpy(np.stack([maker.draw(scenes[row]) for row in rows.tolist()]))
        images = drawn.movedim(-1, 1).float() / 255
        images = images.contiguous(memory_format=torch.channels_last)
        if number % DECODED == 0:
            with torch.autocast(images.device.type, torch.bfloat16):
                images = vqgan.decode(vqgan.quantise(vqgan.encode(images).float())).float()
            images = images.clamp(0, 1)
        for smallest in (0.9, 0.5):
            crops = cutouts(images, smallest) * 2 - 1
            computed = network(crops.contiguous(memory_format=torch.channels_last))
            features.append(computed.half())
            shown.append(rows)
    return Views(torch.cat(features), torch.cat(shown))


class ImageTowerTraining(pl.LightningModule):
    """Learns from the views of scenes.

    `text_embeddings` (m, WIDTH) are the text tower's of captions, and `captions` (n, k) the right
    ones for each scene. `names` (c, WIDTH) are its embeddings of all names, and `concepts` (n,) is
    which of them a scene of a single kind of thing shows, or -1.
    """

    progress = 0.0

    def __init__(
        self,
        network: EfficientNetLite2,
        views: Views,
        text_embeddings: Tensor,
        captions: Tensor,
        names: Tensor,
        concepts: Tensor,
    ) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.head = EmbeddingHead(HIDDEN, WIDTH, DROPOUT)
        if len(views.features):
            self.head.mean.copy_(views.features.float().mean(0))
            self.head.std.copy_(views.features.float().std(0) + 1e-3)
        self.views = views
        self._text_embeddings, self._captions = text_embeddings, captions
        self._names, self._concepts = names, concepts

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            self.head.parameters(), LEARNING_RATE, (0.9, 0.98), weight_decay=WEIGHT_DECAY
        )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The right one of the batch's captions, and of all names, must be the nearest."""
        features, text_embeddings, concepts = batch
        features = features + NOISE * self.head.std * torch.randn_like(features)
        embedded = F.normalize(self.head(features).float(), dim=1)
        logits = embedded @ text_embeddings.t() / TEMPERATURE
        same = text_embeddings @ text_embeddings.t() > 0.98
        logits = logits.masked_fill(same & ~torch.eye(len(same), dtype=torch.bool), -1e4)
        loss = F.cross_entropy(logits, torch.arange(len(features), device=logits.device))
        named = concepts >= 0
        by_name = embedded[named] @ self._names.t() / TEMPERATURE
        if batch_idx % 50 == 0:
            right = by_name.argmax(1) == concepts[named]
            self.log("named_right", right.float().mean())
        near = 1 - (embedded * text_embeddings).sum(1).mean()
        return 0.5 * loss + F.cross_entropy(by_name, concepts[named]) + near

    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(_Views(self, self.global_step), batch_size=None, num_workers=0)

    def batch(self, generator: torch.Generator) -> Batch:
        """Views at random, each with one of its captions and its concept."""
        rows = torch.randint(len(self.views.features), (BATCH,), generator=generator)
        scenes = self.views.scenes[rows]
        each = self._captions.shape[1]
        caption = self._captions[scenes, torch.randint(each, (BATCH,), generator=generator)]
        return (
            self.views.features[rows].float(),
            self._text_embeddings[caption],
            self._concepts[scenes],
        )


class _Views(IterableDataset[Batch]):
    def __init__(self, training: ImageTowerTraining, seed: int) -> None:
        self.training, self.seed = training, seed

    def __iter__(self) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(self.seed + 3)
        while True:
            yield self.training.batch(generator)


def folded(teacher: ImageNetFeatures) -> EfficientNetLite2:
    """The published network as the engine runs it: batch norms folded into convolutions."""
    network, published = EfficientNetLite2().eval(), teacher.network
    pairs: list[tuple[Any, Any, Any]] = [(network.stem, published._conv_stem, published._bn0)]
    for block, other in zip(network.blocks, published._blocks, strict=True):
        if block.expand is not None:
            pairs.append((block.expand, other._expand_conv, other._bn0))
        pairs.append((block.depthwise, other._depthwise_conv, other._bn1))
        pairs.append((block.project, other._project_conv, other._bn2))
    pairs.append((network.last, published._conv_head, published._bn1))
    for into, convolution, norm in pairs:
        fold(into, convolution, norm)
    return network.to(memory_format=torch.channels_last)


@torch.no_grad()
def fold(into: nn.Conv2d, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Folds the convolution and the norm after it into `into`."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    assert into.bias is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    into.weight.copy_(convolution.weight * scale[:, None, None, None])
    into.bias.copy_(norm.bias - norm.running_mean * scale)
