"""What CLIP sees: cutouts of random size and place, each a little turned, tinted and noisy.

All cutouts of a job's rows are cut by one bilinear sampling. The random numbers of a row come from
its own generator, so that a row sees the same cutouts alone and in company.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from engine.synthesis.method import Method

TURN = 0.06
"""Standard deviation of a cutout's turn and shear, in radians."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """The random choices for one row's cutouts of one step.

    `affine` (cutouts, 2, 3) maps a cutout's coordinates, -1 to 1, to the picture's; `gain` and
    `lift` (cutouts, 3, 1, 1) change contrast and brightness; `noise` is (cutouts, 3, r, r).
    """

    affine: Tensor
    gain: Tensor
    lift: Tensor
    noise: Tensor


def draw(method: Method, width: int, height: int, resolution: int, generator: Generator) -> Cuts:
    """One row's choices for one step; always the same number of draws."""
    count = method.cutouts

    def uniform(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator, device=generator.device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator, device=generator.device)

    size = method.smallest + (method.largest - method.smallest) * uniform()
    shorter = min(width, height)
    reach = torch.stack([size * shorter / width, size * shorter / height], dim=1)
    # A cutout may lie anywhere inside; one that is larger than the picture lies in its middle.
    centre = (2 * uniform(2) - 1) * (1 - reach).clamp_min(0)
    turn = TURN * normal(2)
    mirror = torch.where(uniform() < method.flip, -1.0, 1.0)
    rows = [
        torch.stack([reach[:, 0] * mirror, reach[:, 0] * turn[:, 0], centre[:, 0]], dim=1),
        torch.stack([reach[:, 1] * turn[:, 1] * mirror, reach[:, 1], centre[:, 1]], dim=1),
    ]
    deviation = method.noise * uniform(1, 1, 1)
    return Cuts(
        affine=torch.stack(rows, dim=1),
        gain=1 + method.colour * normal(1, 1, 1),
        lift=method.colour / 2 * normal(3, 1, 1),
        noise=deviation * normal(3, resolution, resolution),
    )


def cut(pictures: Tensor, cuts: list[Cuts], resolution: int) -> Tensor:
    """(rows, 3, height, width) → (rows × cutouts, 3, resolution, resolution), row by row.

    The cutouts of a row are sampled as one tall picture, which neither copies the picture for
    each of them nor runs a kernel for each.
    """
    rows, count = len(cuts), len(cuts[0].affine)
    affine = torch.cat([c.affine for c in cuts])
    grid = F.affine_grid(affine, [rows * count, 3, resolution, resolution], align_corners=False)
    tall = grid.view(rows, count * resolution, resolution, 2)
    sampled = F.grid_sample(pictures, tall, padding_mode="border", align_corners=False)
    apart = sampled.view(rows, 3, count, resolution, resolution).transpose(1, 2).flatten(0, 1)
    gain, lift, noise = (
        torch.cat([getattr(c, name) for c in cuts]) for name in ("gain", "lift", "noise")
    )
    return (apart - 0.5) * gain + 0.5 + lift + noise
