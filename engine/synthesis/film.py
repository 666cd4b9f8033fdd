"""Moves the view of a film from one frame to the next.

Each frame starts from the previous one, moved, and is optimised for a few steps, as in the zoom
animations of VQGAN+CLIP notebooks and in pytti. Pixels are moved and encoded again, because latents
lose detail when they are interpolated. What the encoder misses, the difference between the latents
and the encoded image, is moved separately and added. Without it, colours drift and details melt
within a second.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from core.film import Motion
from engine.synthesis.config import FilmConfig

_PANS = {
    Motion.LEFT: (-1, 0),
    Motion.UP: (0, -1),
    Motion.RIGHT: (1, 0),
    Motion.DOWN: (0, 1),
}
EDGE = 1e-4  #: tolerance for rounding, in half sides of the image


def move_images(
    images: Tensor,
    motion: Motion,
    config: FilmConfig,
    edge_noise: float,
    generators: Sequence[Generator],
) -> Tensor:
    """Moves images (batch, 3, height, width) from 0 to 1 by one frame, with a generator for each.

    Pixels that come into view continue the edge, with noise of standard deviation `edge_noise`.
    """
    grid = _grid(images, motion, config)
    moved = F.grid_sample(
        images, grid, mode="bicubic", padding_mode="border", align_corners=False
    ).clamp(0, 1)
    uncovered = (grid.abs().amax(-1) > 1 + EDGE)[:, None]
    noise = [torch.randn(moved.shape[1:], generator=g, device=g.device) for g in generators]
    return (moved + edge_noise * torch.stack(noise) * uncovered).clamp(0, 1)


def move_latents(latents: Tensor, motion: Motion, config: FilmConfig) -> Tensor:
    """Moves latents, or one of Adam's moments (batch, embed_dim, h, w), by one frame.

    Bilinear, so that the second moment does not become negative.
    """
    grid = _grid(latents, motion, config)
    return F.grid_sample(latents, grid, padding_mode="border", align_corners=False)


def next_latents(
    encode: Callable[[Tensor], Tensor],
    latents: Tensor,
    images: Tensor,
    motion: Motion,
    config: FilmConfig,
    edge_noise: float,
    generators: Sequence[Generator],
) -> Tensor:
    """The latents (batch, embed_dim, h, w) that the next frame starts from.

    `images` (batch, 3, height, width) from 0 to 1 are the current frame, with these latents.
    """
    encoded = encode(move_images(images, motion, config, edge_noise, generators))
    residual = latents - encode(images)
    return encoded + move_latents(residual, motion, config)


def _grid(values: Tensor, motion: Motion, config: FilmConfig) -> Tensor:
    """Where to sample the next frame from this one: (batch, height, width, 2), from -1 to 1.

    Rotation takes the aspect ratio into account.
    """
    height, width = values.shape[2:]
    matrix = torch.eye(2, 3, device=values.device)
    if motion in _PANS:
        matrix[:, 2] = 2 * config.pan * matrix.new_tensor(_PANS[motion])
    elif motion is Motion.ZOOM_IN:
        matrix /= config.zoom
    elif motion is Motion.ZOOM_OUT:
        matrix *= config.zoom
    else:
        angle = math.radians(config.turn if motion is Motion.TURN_LEFT else -config.turn)
        cos, sin, ratio = math.cos(angle), math.sin(angle), height / width
        matrix[:, :2] = matrix.new_tensor([[cos, -sin * ratio], [sin / ratio, cos]])
    batch = matrix.expand(len(values), -1, -1)
    return F.affine_grid(batch, list(values.shape), align_corners=False)
