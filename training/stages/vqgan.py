"""Trains the VQGAN of `picturebook`: 128 × 128 images to 16 × 16 latents and back."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from training.data.images import load_images
from training.data.scenes import SceneMaker
from training.vqgan_training import ReconstructionTraining

# taming's group norm has 32 groups. With two channels per group only the sign of a flat colour
# survives; with three the colour does. So there are few blocks, with 96 channels each.
CONFIG: dict[str, Any] = {
    "embed_dim": 16,
    "n_embed": 4096,
    "ddconfig": {
        "double_z": False,
        "z_channels": 16,
        "resolution": 128,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 96,
        "ch_mult": [1, 1, 1, 1],
        "num_res_blocks": 0,
        "attn_resolutions": [],
        "dropout": 0.0,
    },
}
BATCH = 16
WHOLE_IMAGES = 4
"""Whole images in a batch."""
CROP = 64
"""Pixels on a side of a crop, which costs a quarter of a whole image."""


class VQGANTraining(ReconstructionTraining):
    def __init__(self, cache: Path) -> None:
        super().__init__(CONFIG, use_decay=0.995)
        self.cache = cache

    def on_train_start(self) -> None:
        self.vqgan.to(memory_format=torch.channels_last)
        self._encode = torch.compile(self.vqgan.encode)
        self._decode = torch.compile(self.vqgan.decode)

    def training_step(self, images: Tensor, batch_idx: int) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        return super().training_step(images, batch_idx)

    def train_dataloader(self) -> DataLoader[Tensor]:
        return DataLoader(Crops(self.cache, self.global_step), batch_size=None, num_workers=0)


class Crops(IterableDataset[Tensor]):
    """Endless batches of fresh scenes, float32 from 0 to 1: whole ones, and crops, in turn.

    Whole scenes are (WHOLE_IMAGES, 3, SIDE, SIDE), for GroupNorm's statistics of whole images.
    Crops are (BATCH, 3, CROP, CROP); some are the one of three with the highest contrast, since
    most of a scene is plain background.
    """

    def __init__(self, cache: Path, seed: int) -> None:
        self.cache, self.seed = cache, seed

    def __iter__(self) -> Iterator[Tensor]:
        random = Random(self.seed)
        maker = SceneMaker(load_images(self.cache))
        while True:
            scenes = [maker.draw(maker.scene(random)) for _ in range(BATCH // 2)]
            images = torch.from_numpy(np.stack(scenes))
            yield images[:WHOLE_IMAGES].movedim(-1, 1).float() / 255
            crops = [_busiest(image, random) for image in images for _ in range(2)]
            yield torch.stack(crops).movedim(-1, 1).float() / 255


def _busiest(scene: Tensor, random: Random) -> Tensor:
    corners = [(random.randrange(65), random.randrange(65)) for _ in range(random.choice((1, 3)))]
    crops = [scene[y : y + CROP, x : x + CROP] for y, x in corners]
    return max(crops, key=lambda crop: float(crop.float().std()))
