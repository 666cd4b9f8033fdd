"""Where a picture begins that has no initial one: the best of many rough pictures.

CLIP looks at them before anything is optimised. It sees a picture sooner than a gradient finds a
colour or a place far from where it starts; and random codes would begin with a litter of edges
that has to be cleared away first. A pair with a prior lets it draw them; else they are colours with
soft spots.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from engine.models.pair import Pair
from engine.synthesis import imagination, objective
from engine.synthesis.method import Method
from engine.synthesis.objective import Target

GROUND = 13
"""Traits of a ground: the colours of its four corners, and how far they differ."""
SPOTS = 2
"""Soft spots that may lie on a ground."""
SPOT = 7
"""Traits of each of them: its colour, place and size, and last whether it is there."""
TRAITS = GROUND + SPOTS * SPOT
"""Numbers from 0 to 1 that make a rough picture."""

SPREADS = (0.2, 0.1, 0.05)
"""How far each generation may stray from its parents, in traits."""

Loss = Callable[[Tensor], Tensor]

AT_A_TIME = 64
"""Rough pictures that are looked at together: few enough to stay in a processor's cache."""


def drawn(
    pair: Pair, target: Target, method: Method, width: int, height: int, generator: Generator
) -> Tensor:
    """The nearest of many rough pictures: (1, 3, height, width) from 0 to 1.

    The pair's prior draws them, where it has one.
    """

    def loss(pictures: Tensor) -> Tensor:
        side = pair.perceptor.resolution
        seen = [fitted(some, side, side) for some in pictures.split(AT_A_TIME)]
        embedded = torch.cat([pair.perceptor.embed_pictures(some) for some in seen])
        return objective.loss(embedded.float() @ target.embeddings.t(), target)

    if pair.prior:
        rough = imagination.imagined(pair, target, method.imagined, generator)
        return fitted(rough[loss(rough).argmin()][None], width, height)
    side = pair.perceptor.resolution
    traits = nearest(
        lambda traits: loss(rough_pictures(traits, side, side)), method.beginnings, generator
    )
    return rough_pictures(traits[:1], width, height)


def fitted(pictures: Tensor, width: int, height: int) -> Tensor:
    """Square pictures at another size; what is missing at the longer sides is their edges' colour.

    So nothing that is round becomes an egg.
    """
    side = min(width, height)
    scaled = F.interpolate(pictures, (side, side), mode="bilinear", align_corners=False)
    across, down = width - side, height - side
    edges = (across // 2, across - across // 2, down // 2, down - down // 2)
    return F.pad(scaled, edges, mode="replicate")


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


def nearest(loss: Loss, count: int, generator: Generator) -> Tensor:
    """Traits (count or more, TRAITS), the least `loss` (rows,) first, after several generations.

    Each generation is made of the likes of the best before it, ever closer.
    """
    device = generator.device
    traits = torch.rand(count, TRAITS, generator=generator, device=device)
    for spread in SPREADS:
        best = traits[loss(traits).argsort(stable=True)][: max(1, count // 32)]
        parents = best.repeat(count // len(best), 1)
        drawn = torch.randn(parents.shape, generator=generator, device=device)
        traits = torch.cat([best, (parents + spread * drawn).clamp(0, 1)])
    return traits[loss(traits).argsort(stable=True)]


def _colours(traits: Tensor) -> Tensor:
    """Full colours more often than grey ones."""
    return torch.sin(traits * torch.pi / 2).square()
