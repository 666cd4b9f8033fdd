"""Starts an image without a prior: colour gradients with soft blobs, improved by evolution."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from engine.models.model import Model
from engine.synthesis.candidates import candidate_loss
from engine.synthesis.config import InitConfig, SynthesisConfig
from engine.synthesis.objective import Target

GROUND_GENES = 13  #: the colours of a gradient's four corners, and how far they differ
BLOBS = 2  #: soft blobs on a gradient
BLOB_GENES = 7  #: each blob's colour (3), centre (2), size and presence
GENES = GROUND_GENES + BLOBS * BLOB_GENES  #: numbers from 0 to 1 that describe an image


def best_gradient_image(
    model: Model,
    target: Target,
    config: SynthesisConfig,
    width: int,
    height: int,
    generator: Generator,
) -> Tensor:
    """The best of several generations of gradient images: (1, 3, height, width) from 0 to 1."""
    side = model.perceptor.resolution

    def loss(genes: Tensor) -> Tensor:
        return candidate_loss(model, target, gradient_images(genes, side, side, config.init))

    return gradient_images(evolve(loss, config.init, generator)[:1], width, height, config.init)


def evolve(loss: Callable[[Tensor], Tensor], config: InitConfig, generator: Generator) -> Tensor:
    """Evolves genes (candidates or more, GENES), sorted by `loss` (candidates,), lowest first.

    An evolution strategy: each generation consists of the best of the previous one and their
    mutations, which become smaller from generation to generation.
    """
    count, device = config.candidates, generator.device
    genes = torch.rand(count, GENES, generator=generator, device=device)
    for std in config.mutation_stds:
        survivors = genes[loss(genes).argsort(stable=True)][: max(1, count // config.children)]
        parents = survivors.repeat(count // len(survivors), 1)
        noise = torch.randn(parents.shape, generator=generator, device=device)
        genes = torch.cat([survivors, (parents + std * noise).clamp(0, 1)])
    return genes[loss(genes).argsort(stable=True)]


def gradient_images(genes: Tensor, width: int, height: int, config: InitConfig) -> Tensor:
    """(batch, GENES) from 0 to 1 → (batch, 3, height, width) from 0 to 1.

    One colour or a gradient of several, with or without soft blobs of other colours.
    """
    corners = _colors(genes[:, : GROUND_GENES - 1]).view(-1, 3, 2, 2)
    slope = genes[:, GROUND_GENES - 1, None, None, None] ** config.flatness
    base = corners[:, :, :1, :1]
    corners = base + (corners - base) * slope
    images = F.interpolate(corners, (height, width), mode="bilinear", align_corners=True)
    across = torch.linspace(0, 1, width, device=genes.device)
    down = torch.linspace(0, 1, height, device=genes.device)[:, None]
    margin, (smallest, largest) = config.blob_margin, config.blob_radius
    inside = 1 - 2 * margin
    for blob in genes[:, GROUND_GENES:].split(BLOB_GENES, dim=1):
        x, y, size, presence = blob[:, 3:, None, None].unbind(1)
        distance = (across - margin - inside * x).square() + (down - margin - inside * y).square()
        radius = smallest + (largest - smallest) * size
        cover = torch.sigmoid(config.blob_edge * (1 - distance.sqrt() / radius))
        cover = cover * torch.sigmoid(config.blob_presence_edge * (presence - config.blob_presence))
        images = images.lerp(_colors(blob[:, :3])[:, :, None, None], cover[:, None])
    return images


def _colors(genes: Tensor) -> Tensor:
    """Genes to colours; saturated ones are more frequent than grey ones."""
    return torch.sin(genes * torch.pi / 2).square()
