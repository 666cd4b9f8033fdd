"""Trains the VQGAN of `picturebook`: 128 × 128 images to 16 × 16 latents and back.

The adversary that gives VQGAN its name invents texture that was lost; these images have flat
colours and clean edges, so plain reconstruction with edges weighted up gives the better decoder.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from engine.models.vqgan import VQGAN
from training.data.images import load_images
from training.data.scenes import SceneMaker
from training.losses import edge_loss

# taming normalises in 32 groups. Two channels in a group keep only the sign of a flat colour,
# three keep it. So: 96 channels in all blocks, and few blocks.
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
LEARNING_RATE = 1e-3
BATCH = 16
WHOLE = 4
"""Whole images in a batch."""
CROP = 64
"""Pixels on a side of a part of an image: quarter images cost a quarter."""
CONTINUOUS_STEPS = 300
REVIVAL_STEPS = 100


class VQGANTraining(pl.LightningModule):
    """Continuous for the first steps; then the codebook starts from encodings and joins in."""

    progress = 0.0

    def __init__(self, cache: Path) -> None:
        super().__init__()
        self.cache = cache
        self.vqgan = VQGAN(**CONFIG)
        self.register_buffer("uses", torch.zeros(CONFIG["n_embed"]))
        self.uses: Tensor
        self._encode: Callable[[Tensor], Tensor] = self.vqgan.encode
        self._decode: Callable[[Tensor], Tensor] = self.vqgan.decode

    def on_train_start(self) -> None:
        self.vqgan.to(memory_format=torch.channels_last)
        self._encode = torch.compile(self.vqgan.encode)
        self._decode = torch.compile(self.vqgan.decode)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), LEARNING_RATE, (0.9, 0.98), weight_decay=1e-4)

    def training_step(self, images: Tensor, batch_idx: int) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        latents = self._encode(images).float()
        started = bool(self.uses.any())
        if not started and self.global_step < CONTINUOUS_STEPS:
            decoded, loss = self._decode(latents), latents.square().mean() * 1e-3
        else:
            if not started:
                self._revive(latents, torch.ones_like(self.uses, dtype=torch.bool))
            quantised, loss, (_, _, codes) = self.vqgan.quantize(latents)
            self._count(latents, codes)
            decoded = self._decode(quantised)
        decoded = decoded.float()
        mse = F.mse_loss(decoded, images)
        if batch_idx % 50 == 0:
            self.log("psnr", -10 * mse.log10(), prog_bar=True)
            self.log("codes", (self.uses > 0.05).float().sum(), prog_bar=True)
        pixels: Tensor = F.l1_loss(decoded, images) + 6 * mse
        return pixels + edge_loss(decoded, images) + loss

    @torch.no_grad()
    def _count(self, latents: Tensor, codes: Tensor) -> None:
        counts = torch.bincount(codes.flatten(), minlength=self.uses.numel()).float()
        self.uses.mul_(0.995).add_(counts)
        if self.global_step % REVIVAL_STEPS == 0 and self.progress < 0.7:
            self._revive(latents, self.uses < 0.05)

    @torch.no_grad()
    def _revive(self, latents: Tensor, dead: Tensor) -> None:
        """Codes that nothing is near to start again at what the encoder says now."""
        flat = latents.detach().movedim(1, -1).flatten(0, -2)
        chosen = flat[torch.randint(len(flat), (int(dead.sum()),), device=flat.device)]
        self.vqgan.codebook[dead] = chosen + 0.01 * torch.randn_like(chosen)
        self.uses[dead] = 1.0

    def train_dataloader(self) -> DataLoader[Tensor]:
        return DataLoader(Crops(self.cache, self.global_step), batch_size=None, num_workers=0)


class Crops(IterableDataset[Tensor]):
    """Endless batches of fresh scenes, float32 from 0 to 1: whole ones, and crops, in turn.

    Whole scenes are (WHOLE, 3, SIDE, SIDE): GroupNorm's statistics are those of whole images. Crops
    are (BATCH, 3, CROP, CROP). Of some places the busiest is taken, since much of most scenes is
    plain ground.
    """

    def __init__(self, cache: Path, seed: int) -> None:
        self.cache, self.seed = cache, seed

    def __iter__(self) -> Iterator[Tensor]:
        random = Random(self.seed)
        maker = SceneMaker(load_images(self.cache))
        while True:
            scenes = [maker.draw(maker.scene(random)) for _ in range(BATCH // 2)]
            images = torch.from_numpy(np.stack(scenes))
            yield images[:WHOLE].movedim(-1, 1).float() / 255
            crops = [_busiest(image, random) for image in images for _ in range(2)]
            yield torch.stack(crops).movedim(-1, 1).float() / 255


def _busiest(scene: Tensor, random: Random) -> Tensor:
    places = [(random.randrange(65), random.randrange(65)) for _ in range(random.choice((1, 3)))]
    crops = [scene[y : y + CROP, x : x + CROP] for y, x in places]
    return max(crops, key=lambda crop: float(crop.float().std()))
