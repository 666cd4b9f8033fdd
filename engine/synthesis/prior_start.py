"""The start of an image with a prior: the best of its samples, or one for each part of the prompt.

A prior that has seen one thing at a time paints "a cat and a dog" as a cat and a dog: each by
itself, then both where they stand (after Bar-Tal et al., "MultiDiffusion", 2023, who join
predictions where this joins images).
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from core.composition import Part
from engine.models.model import Model
from engine.models.prior import LatentPrior
from engine.synthesis.candidates import candidate_loss, fit
from engine.synthesis.config import SynthesisConfig
from engine.synthesis.objective import Target
from engine.synthesis.prior_guidance import sample_prior


def best_of_prior(
    model: Model,
    target: Target,
    config: SynthesisConfig,
    generator: Generator,
    style: Tensor | None = None,
) -> Tensor:
    """The best of the prior's samples: (1, *prior.shape)."""
    assert model.prior
    count = config.init.prior_samples
    samples = sample_prior(model, target, config.prior, count, generator, style)
    images = model.prior.to_images(samples, model.vqgan).float()
    return samples[candidate_loss(model, target, images).argmin()][None]


def prior_latents(model: Model, sample: Tensor, width: int, height: int) -> Tensor:
    """A sample of the prior (1, *prior.shape) as latents (1, embed_dim, h, w) of an image's size.

    They are the sample itself where the prior draws latents of that size.
    """
    prior, factor = model.prior, model.vqgan.factor
    assert prior
    if isinstance(prior, LatentPrior) and (height, width) == (prior.side * factor,) * 2:
        return prior.reconstruct(sample)
    return model.vqgan.encode(fit(prior.to_images(sample, model.vqgan), width, height))


def composed_image(
    model: Model,
    parts: Sequence[tuple[Part, Target]],
    config: SynthesisConfig,
    width: int,
    height: int,
    generator: Generator,
    style: Tensor | None,
) -> Tensor:
    """The best sample for each part, where it stands: (1, 3, height, width) from 0 to 1.

    The ground is as at the edges of the samples.
    """
    assert model.prior
    samples = [best_of_prior(model, target, config, generator, style) for _, target in parts]
    images = model.prior.to_images(torch.cat(samples), model.vqgan).float()
    edges = torch.cat([images[..., :1, :].flatten(2), images[..., -1:, :].flatten(2)], dim=2)
    ground = edges.movedim(1, 0).flatten(1).median(1).values
    canvas = ground[None, :, None, None].repeat(1, 1, height, width)
    for image, (part, _) in zip(images, parts, strict=True):
        paste(canvas, image, part)
    return canvas


def paste(canvas: Tensor, image: Tensor, part: Part) -> None:
    """Puts a square image (3, side, side) onto the canvas (1, 3, height, width) in place."""
    height, width = canvas.shape[2:]
    side = round(part.size * min(height, width))
    left = min(max(0, round(part.x * width - side / 2)), width - side)
    top = min(max(0, round(part.y * height - side / 2)), height - side)
    scaled = F.interpolate(image[None], (side, side), mode="area")
    canvas[..., top : top + side, left : left + side] = scaled


def part_targets(model: Model, target: Target, parts: Sequence[Part]) -> list[tuple[Part, Target]]:
    """Each part with a target of its own: its text as the only include, and all excludes."""
    if not parts:
        return []
    embeddings = model.perceptor.embed_texts([part.text for part in parts])
    excludes = slice(target.includes, None)
    return [
        (
            part,
            replace(
                target,
                texts=(part.text, *target.texts[excludes]),
                embeddings=torch.cat([embedding[None], target.embeddings[excludes]]),
                weights=torch.cat([target.weights.new_ones(1), target.weights[excludes]]),
                floors=torch.cat([target.floors[:1], target.floors[excludes]]),
                includes=1,
            ),
        )
        for part, embedding in zip(parts, embeddings, strict=True)
    ]
