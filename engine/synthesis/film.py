"""How the view of a film moves from one frame to the next.

Each frame starts from the one before, moved, and is optimised for a few steps, as in the zoom
animations of VQGAN+CLIP notebooks and in pytti. It is moved as pixels and encoded again, because
latents lose their detail when they are interpolated. What the encoder does not see in an image, the
difference of its latents from those encoded, is moved beside it. Without that, colours drift and
details melt within a second.
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
EDGE = 1e-4  #: rounding, in half sides of the image


def moved(
    images: Tensor,
    motion: Motion,
    config: FilmConfig,
    edge_noise: float,
    generators: Sequence[Generator],
) -> Tensor:
    """Moves images (batch, 3, height, width) from 0 to 1 by one frame, with a generator for each.

    What comes into view continues the edge, with noise of this standard deviation, as after zooming
    out.
    """
    grid = _grid(images, motion, config)
    placed = F.grid_sample(
        images, grid, mode="bicubic", padding_mode="border", align_corners=False
    ).clamp(0, 1)
    uncovered = (grid.abs().amax(-1) > 1 + EDGE)[:, None]
    noise = [torch.randn(placed.shape[1:], generator=g, device=g.device) for g in generators]
    return (placed + edge_noise * torch.stack(noise) * uncovered).clamp(0, 1)


def moved_latents(latents: Tensor, motion: Motion, config: FilmConfig) -> Tensor:
    """Moves latents, or one of Adam's moments (batch, embed_dim, h, w), by one frame.

    Bilinear, so that no moment becomes negative.
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

    `images` (batch, 3, height, width) from 0 to 1 is the present one, with these latents.
    """
    seen = encode(moved(images, motion, config, edge_noise, generators))
    unseen = latents - encode(images)
    return seen + moved_latents(unseen, motion, config)


def _grid(shown: Tensor, motion: Motion, config: FilmConfig) -> Tensor:
    """The sampling grid of the next frame in this one: (batch, height, width, 2), from -1 to 1.

    Turning preserves proportions.
    """
    height, width = shown.shape[2:]
    matrix = torch.eye(2, 3, device=shown.device)
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
    batch = matrix.expand(len(shown), -1, -1)
    return F.affine_grid(batch, list(shown.shape), align_corners=False)
