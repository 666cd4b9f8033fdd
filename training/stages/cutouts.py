"""The image tower's training inputs: cutouts of scenes, tinted and noisy."""

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.locked_clip import RESOLUTION


def cutouts(images: Tensor, smallest: float) -> Tensor:
    """(n, 3, h, w) → (n, 3, RESOLUTION, RESOLUTION): one cutout each, as in the renderer."""
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
    warped = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    if torch.rand(()) < 0.25:
        coarse = F.avg_pool2d(warped, 2)
        warped = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    noise = 0.15 * torch.rand(n, 1, 1, 1).square()
    light = 1 + 0.06 * torch.randn(n, 1, 1, 1)
    lift = 0.03 * torch.randn(n, 3, 1, 1)
    return (warped - 0.5) * light + 0.5 + lift + noise * torch.randn_like(warped)
