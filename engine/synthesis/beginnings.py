"""Where a picture begins that has no initial one: the best of many rough pictures.

CLIP looks at them before anything is optimised. It sees a picture sooner than a gradient finds a
colour or a place far from where it starts; and random codes would begin with a litter of edges
that has to be cleared away first.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

GROUND = 13
"""Traits of a ground: the colours of its four corners, and how far they differ."""
SPOTS = 2
"""Soft spots that may lie on a ground."""
SPOT = 7
"""Traits of each of them: its colour, place and size, and last whether it is there."""
TRAITS = GROUND + SPOTS * SPOT
"""Numbers from 0 to 1 that make a rough picture."""
FIRST_IS_THERE = GROUND + SPOT - 1

SPREADS = (0.2, 0.1, 0.05)
"""How far each generation may stray from its parents, in traits."""

Loss = Callable[[Tensor], Tensor]


def rough_pictures(traits: Tensor, width: int, height: int) -> Tensor:
    """(rows, TRAITS) from 0 to 1 → pictures (rows, 3, height, width) from 0 to 1.

    One colour or several that run together, with soft spots of others or without.
    """
    corners = _colours(traits[:, : GROUND - 1]).view(-1, 3, 2, 2)
    # Flat grounds more often than motley ones.
    slope = traits[:, GROUND - 1, None, None, None] ** 3
    mean = corners[:, :, :1, :1]
    corners = mean + (corners - mean) * slope
    pictures = F.interpolate(corners, (height, width), mode="bilinear", align_corners=True)
    across = torch.linspace(0, 1, width, device=traits.device)
    down = torch.linspace(0, 1, height, device=traits.device)[:, None]
    for spot in traits[:, GROUND:].split(SPOT, dim=1):
        x, y, size, there = spot[:, 3:, None, None].unbind(1)
        distance = (across - 0.2 - 0.6 * x).square() + (down - 0.2 - 0.6 * y).square()
        cover = torch.sigmoid(8 * (1 - distance.sqrt() / (0.16 + 0.2 * size)))
        cover = cover * torch.sigmoid(20 * (there - 0.3))
        pictures = pictures.lerp(_colours(spot[:, :3])[:, :, None, None], cover[:, None])
    return pictures


def nearest(loss: Loss, count: int, spotted: bool, generator: Generator) -> Tensor:
    """The traits (1, TRAITS) with the least `loss` (rows,) among several generations of `count`.

    Each generation is made of the likes of the best before it, ever closer. With `spotted` all have
    a spot: an empty ground may seem nearer, but nothing grows out of it.
    """
    device = generator.device
    traits = torch.rand(count, TRAITS, generator=generator, device=device)
    for spread in SPREADS:
        best = _ranked(traits, loss, spotted)[: max(1, count // 32)]
        parents = best.repeat(count // len(best), 1)
        drawn = torch.randn(parents.shape, generator=generator, device=device)
        traits = torch.cat([best, (parents + spread * drawn).clamp(0, 1)])
    return _ranked(traits, loss, spotted)[:1]


def _ranked(traits: Tensor, loss: Loss, spotted: bool) -> Tensor:
    if spotted:
        traits[:, FIRST_IS_THERE] = 1
    return traits[loss(traits).argsort(stable=True)]


def _colours(traits: Tensor) -> Tensor:
    """Full colours more often than grey ones."""
    return torch.sin(traits * torch.pi / 2).square()
