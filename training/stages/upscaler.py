"""Trains the upscaler on scenes that are blurred, reduced to a third, and noisy.

The blur varies, so the network learns to recognise how soft an edge is and to sharpen it. In short
trials with scenes that the VQGAN had decoded as inputs, it had learned no sharpening after 500
steps. Their colours and edges differ from the scene's, so a sharp edge is often an error.
"""

from collections.abc import Iterator
from random import Random

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Generator, Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset
from torchvision.transforms.functional import gaussian_blur

from engine.models.upscaler import FACTOR, Upscaler
from training.data.images import LARGE_SIDE
from training.data.scenes import SceneMaker

LEARNING_RATE = 5e-4
SCENES = 2400
CROPS = 4
"""Parts of each scene."""
CROP = 192
"""Pixels on a side of a part of a scene."""
PLACES = 3
"""Places in a scene of which the one with the most detail becomes a crop."""
BATCH = 12
BLUR = (0.5, 2.0)
"""Smallest and largest standard deviation of the blur, in pixels of the small image. The edges of
16 scenes that the VQGAN decoded were as steep as with 0.8."""
NOISE = 0.015
"""The largest standard deviation of the noise, of values from 0 to 1."""
BLOTCH = 4
"""Pixels on a side of the coarser half of the noise, which looks like noise on latents."""
EDGE_WEIGHT = 4.0
"""How much more a pixel counts whose surroundings contain black and white."""
EDGE_WIDTH = 13
"""Pixels on a side of those surroundings in the large image."""
BORDER = 18
"""Pixels at the edges of crops without a loss: what is beyond them is missing."""

Batch = tuple[Tensor, Tensor]


def make_crops(maker: SceneMaker, seed: int) -> Tensor:
    """Parts of scenes by a `maker` of LARGE_SIDE: (SCENES × CROPS, 3, CROP, CROP) uint8."""
    rng = Random(f"upscaler-{seed}")
    crops = []
    for _ in range(SCENES):
        scene = torch.from_numpy(np.array(maker.draw(maker.scene(rng)))).movedim(-1, 0)
        crops += [_busiest_crop(scene, rng) for _ in range(CROPS)]
    return torch.stack(crops)


def _busiest_crop(scene: Tensor, rng: Random) -> Tensor:
    last = LARGE_SIDE - CROP
    places = [(rng.randint(0, last), rng.randint(0, last)) for _ in range(PLACES)]
    crops = [scene[:, top : top + CROP, left : left + CROP] for top, left in places]
    return max(crops, key=lambda crop: float(crop[:, ::4, ::4].float().std())).clone()


def degraded(images: Tensor, generator: Generator) -> Tensor:
    """(n, 3, height, width) from 0 to 1 → (n, 3, height / FACTOR, width / FACTOR).

    Each image gets a blur and a noise of its own.
    """
    blurred = torch.stack([_blurred(image, generator) for image in images])
    small = F.avg_pool2d(blurred, FACTOR)
    count, _, height, width = small.shape
    coarse = torch.randn(count, 3, height // BLOTCH, width // BLOTCH, generator=generator)
    coarse = F.interpolate(coarse, (height, width), mode="bilinear")
    noise = torch.randn(small.shape, generator=generator) + coarse
    return (small + NOISE * torch.rand(count, 1, 1, 1, generator=generator) * noise).clamp(0, 1)


def _blurred(image: Tensor, generator: Generator) -> Tensor:
    """(3, height, width) with a Gaussian blur of random width."""
    low, high = BLUR
    sigma = FACTOR * (low + (high - low) * float(torch.rand((), generator=generator)))
    side = 2 * round(3 * sigma) + 1
    blurred: Tensor = gaussian_blur(image, [side, side], [sigma])
    return blurred


def contrast(images: Tensor) -> Tensor:
    """How much the surroundings of each pixel differ, from 0 to 1: (n, 1, height, width)."""
    padding = EDGE_WIDTH // 2
    highest = F.max_pool2d(images, EDGE_WIDTH, 1, padding)
    lowest = -F.max_pool2d(-images, EDGE_WIDTH, 1, padding)
    difference: Tensor = (highest - lowest).amax(1, keepdim=True)
    return difference


class UpscalerTraining(pl.LightningModule):
    """Trains with the absolute error, which is least for the median of what the image may be.

    Of an edge whose place is uncertain that is an edge. The mean, which has the least squared
    error, is a blur.
    """

    progress = 0.0

    def __init__(self, crops: Tensor) -> None:
        super().__init__()
        self.upscaler = Upscaler()
        self.crops = crops

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), LEARNING_RATE, (0.9, 0.99), weight_decay=1e-5)

    def on_train_start(self) -> None:
        self.upscaler.to(memory_format=torch.channels_last)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        small, large = batch
        upscaled = self.upscaler(small.contiguous(memory_format=torch.channels_last)).float()
        inner = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
        upscaled, large = upscaled[inner], large[inner]
        error = (upscaled - large).abs()
        loss: Tensor = (error * (1 + EDGE_WEIGHT * contrast(large))).mean()
        self.log_dict({"l1": error.detach().mean(), "loss": loss.detach()})
        return loss

    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(_Batches(self.crops, self.global_step), batch_size=None, num_workers=0)


class _Batches(IterableDataset[Batch]):
    """Random crops, turned, mirrored and with their colours permuted; small and large."""

    def __init__(self, crops: Tensor, seed: int) -> None:
        self.crops, self.seed = crops, seed

    def __iter__(self) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(self.seed)

        def draw(count: int) -> int:
            return int(torch.randint(count, (), generator=generator))

        while True:
            rows = torch.randint(len(self.crops), (BATCH,), generator=generator)
            colours = torch.randperm(3, generator=generator)
            large = self.crops[rows][:, colours].rot90(draw(4), (2, 3)).float() / 255
            if draw(2):
                large = large.flip(3)
            yield degraded(large, generator), large
