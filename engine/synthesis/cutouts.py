"""Cutouts: the parts of an image that CLIP sees, with random sizes, places, warps and noise.

All cutouts of a job's images are sampled in one bilinear operation. Each image has its own random
generator, so it gets the same cutouts alone or in a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from core.pattern import Tile
from engine.synthesis.config import CutoutConfig


@dataclass(frozen=True, slots=True)
class Augmentation:
    """The random choices for one image's cutouts in one step."""

    affine: Tensor  # (cutouts, 2, 3): from a cutout's coordinates, -1 to 1, to the image's
    contrast: Tensor  # (cutouts, 1, 1, 1), a factor
    brightness: Tensor  # (cutouts, 3, 1, 1), added
    noise: Tensor  # (cutouts, 3, resolution, resolution), added


def sample_augmentation(
    config: CutoutConfig, width: int, height: int, resolution: int, generator: Generator
) -> Augmentation:
    """Draws the random choices for an image of this size; always as many random numbers."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(config.count, *shape, generator=generator, device=generator.device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(config.count, *shape, generator=generator, device=generator.device)

    scale = config.min_scale + (config.max_scale - config.min_scale) * uniform()
    shorter = min(width, height)
    extent = torch.stack([scale * shorter / width, scale * shorter / height], dim=1)
    # A cutout is anywhere inside the image, or centred if it is larger.
    centre = (2 * uniform(2) - 1) * (1 - extent).clamp_min(0)
    shear = config.affine_std * normal(2)
    flip = torch.where(uniform() < config.flip_p, -1.0, 1.0)
    matrix = [
        torch.stack([extent[:, 0] * flip, extent[:, 0] * shear[:, 0], centre[:, 0]], dim=1),
        torch.stack([extent[:, 1] * shear[:, 1] * flip, extent[:, 1], centre[:, 1]], dim=1),
    ]
    noise_std = config.noise * uniform(1, 1, 1)
    return Augmentation(
        affine=torch.stack(matrix, dim=1),
        contrast=1 + config.color_jitter * normal(1, 1, 1),
        brightness=config.brightness_jitter * normal(3, 1, 1),
        noise=noise_std * normal(3, resolution, resolution),
    )


def roll_randomly(images: Tensor, tile: Tile, generators: Sequence[Generator]) -> Tensor:
    """Rolls each image (3, height, width) of a batch in the periodic directions.

    So cutouts cross the seams as often as any other place.
    """
    rolled = []
    for image, generator in zip(images, generators, strict=True):
        shares = torch.rand(2, generator=generator, device=generator.device).tolist()
        down, across = (
            int(part * side) for part, side in zip(shares, image.shape[1:], strict=True)
        )
        rolled.append(image.roll((down * tile.down, across * tile.across), (1, 2)))
    return torch.stack(rolled)


def make_cutouts(images: Tensor, augmentations: list[Augmentation], resolution: int) -> Tensor:
    """(images, 3, height, width) → (images × cutouts, 3, resolution, resolution), by image.

    The cutouts of an image are sampled as one tall image. That avoids a copy of the image and a
    kernel launch for each cutout.
    """
    batch, count = len(augmentations), len(augmentations[0].affine)
    affine = torch.cat([each.affine for each in augmentations])
    grid = F.affine_grid(affine, [batch * count, 3, resolution, resolution], align_corners=False)
    grid = grid.view(batch, count * resolution, resolution, 2)
    sampled = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    cutouts = sampled.view(batch, 3, count, resolution, resolution).transpose(1, 2).flatten(0, 1)
    contrast, brightness, noise = (
        torch.cat([getattr(each, name) for each in augmentations])
        for name in ("contrast", "brightness", "noise")
    )
    return (cutouts - 0.5) * contrast + 0.5 + brightness + noise
