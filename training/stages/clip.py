"""Trains the two towers of CLIP to reach the common space of `alignment` by themselves.

The text tower learns from pairs of texts: it must read any of the five languages as the sentence
encoder reads the English that says the same. The image tower learns from scenes, cut out, tinted
and noisy as the renderer shows them, to see what the ImageNet network sees and what captions say.
"""

import torch
from clip.model import CLIP
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.perceptor import MEAN, STD
from training.stages.alignment import WIDTH

RESOLUTION = 64


def new_clip(vocabulary_size: int) -> CLIP:
    """OpenAI's architecture with a ModifiedResNet, at a size for 64 × 64 cutouts."""
    network = CLIP(
        embed_dim=WIDTH,
        image_resolution=RESOLUTION,
        vision_layers=(2, 2, 2, 2),
        vision_width=32,
        vision_patch_size=None,
        context_length=77,
        vocab_size=vocabulary_size,
        transformer_width=256,
        transformer_heads=4,
        transformer_layers=4,
    )
    for name, weight in network.visual.named_parameters():
        # CLIP starts each block as an identity, for depth; a shallow tower learns faster without.
        if name.endswith("bn3.weight"):
            nn.init.ones_(weight)
    for projection in ("q_proj", "k_proj", "v_proj", "c_proj"):
        getattr(network.visual.attnpool, projection).reset_parameters()
    return network


def normalised(images: Tensor) -> Tensor:
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return (images - mean) / std


def cutouts(images: Tensor, smallest: float) -> Tensor:
    """(n, 3, h, w) → (n, 3, RESOLUTION, RESOLUTION): as the renderer cuts, one of each image."""
    n = len(images)
    scale = smallest + (1 - smallest) * torch.rand(n)
    shift = (torch.rand(n, 2) * 2 - 1) * (1 - scale)[:, None]
    tilt = 0.06 * torch.randn(n, 2)
    mirror = torch.where(torch.rand(n) < 0.3, -1.0, 1.0)
    rows = [
        torch.stack([scale * mirror, tilt[:, 0] * scale, shift[:, 0]], dim=1),
        torch.stack([tilt[:, 1] * scale * mirror, scale, shift[:, 1]], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), [n, 3, RESOLUTION, RESOLUTION], align_corners=False)
    seen = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    if torch.rand(()) < 0.25:
        coarse = F.avg_pool2d(seen, 2)
        seen = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    noise = 0.15 * torch.rand(n, 1, 1, 1).square()
    light = 1 + 0.06 * torch.randn(n, 1, 1, 1)
    lift = 0.03 * torch.randn(n, 3, 1, 1)
    return (seen - 0.5) * light + 0.5 + lift + noise * torch.randn_like(seen)
