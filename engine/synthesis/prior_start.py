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

from core.understanding.composition import Composition, Part
from engine.models.model import Model
from engine.models.prior import LatentPrior
from engine.synthesis.candidates import candidate_loss, fit
from engine.synthesis.config import InitConfig, SynthesisConfig
from engine.synthesis.objective import Target
from engine.synthesis.prior_guidance import sample_prior, suitable_style

Box = tuple[slice, slice]
WHOLE: Box = (slice(None), slice(None))


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
    style = suitable_style(model, target, config.prior, style)
    samples = sample_prior(model, target, config.prior, count, generator, style)
    images = model.prior.to_images(samples, model.vqgan).float()
    return samples[candidate_loss(model, target, images).argmin()][None]


def prior_latents(model: Model, sample: Tensor, width: int, height: int) -> Tensor:
    """A sample of the prior (1, *prior.shape) as latents (1, embed_dim, h, w) of an image's size.

    The sample itself if the prior samples latents of that size.
    """
    prior, factor = model.prior, model.vqgan.factor
    assert prior
    if isinstance(prior, LatentPrior) and (height, width) == (prior.side * factor,) * 2:
        return prior.reconstruct(sample)
    return model.vqgan.encode(fit(prior.to_images(sample, model.vqgan), width, height))


def composed_image(
    model: Model,
    composition: Composition,
    target: Target,
    config: SynthesisConfig,
    width: int,
    height: int,
    generator: Generator,
    style: Tensor | None,
) -> Tensor:
    """The best sample for each part, put in its place: (1, 3, height, width) from 0 to 1.

    A part that is smaller than the image fills its place. Parts are cut out of their own grounds
    and put on the composition's; without one, it is the colour at the samples' edges.
    """
    assert model.prior
    texts = [part.text for part in composition.parts]
    targets = part_targets(model, target, texts)
    drawn = [best_of_prior(model, each, config, generator, style) for each in targets]
    images = [model.prior.to_images(sample, model.vqgan).float()[0] for sample in drawn]
    grounds = [edge_colours(image[None])[0] for image in images]
    if composition.landscape:
        (sky,) = part_targets(model, target, [composition.landscape])
        sample = best_of_prior(model, sky, config, generator)
        canvas = fit(model.prior.to_images(sample, model.vqgan).float(), width, height)
    else:
        colour = torch.stack(grounds).median(0).values
        if composition.colour:
            colour = colour.new_tensor(composition.colour) / 255
        canvas = colour[None, :, None, None].repeat(1, 1, height, width)
    cut = bool(composition.landscape or composition.colour)
    for image, own, part in zip(images, grounds, composition.parts, strict=True):
        alpha = matte(image, own, config.init)
        box = square_around(alpha, config.init.thing_margin) if part.size < 1 else WHOLE
        if not cut:
            alpha = torch.ones_like(alpha)
        layer = torch.cat([image - (1 - alpha) * own[:, None, None], alpha])
        paste(canvas, layer[:, *box], part)
    return canvas


def edge_colours(images: Tensor) -> Tensor:
    """The grounds (n, 3) of images (n, 3, height, width): medians of top and bottom."""
    edges = torch.cat([images[..., :1, :].flatten(2), images[..., -1:, :].flatten(2)], dim=2)
    return edges.median(2).values


def matte(image: Tensor, ground: Tensor, config: InitConfig) -> Tensor:
    """The alpha matte of the thing in an image (3, h, w): (1, h, w) from 0 to 1.

    Pixels like the ground (3,) that are connected to the image's edge are background. Next to them,
    pixels are a mixture, in proportion to their difference from the ground.
    """
    distance = (image - ground[:, None, None]).abs().amax(0)[None]
    like_ground = (distance < config.ground_tolerance).float()
    reached = F.pad(torch.zeros_like(like_ground)[..., 1:-1, 1:-1], (1, 1, 1, 1), value=1.0)
    reached = reached * like_ground
    while True:
        further = F.max_pool2d(reached, 3, 1, 1) * like_ground
        if torch.equal(further, reached):
            break
        reached = further
    width = 2 * config.edge_width + 1
    near = F.max_pool2d(reached, width, 1, config.edge_width)
    whole = config.edge_share * F.max_pool2d(distance, width, 1, config.edge_width)
    soft = (distance / whole.clamp_min(config.ground_tolerance)).clamp(0, 1)
    return torch.where(reached > 0, 0.0, torch.where(near > 0, soft, 1.0))


def square_around(alpha: Tensor, margin: float) -> Box:
    """The bounding square of a matte (1, side, side).

    `margin` is a share of the image's side. Single pixels are ignored.
    """
    side = alpha.shape[-1]
    solid = F.max_pool2d(-F.max_pool2d(-alpha, 3, 1, 1), 3, 1, 1)[0] > 0.5
    rows, columns = (solid.any(axis).nonzero()[:, 0] for axis in (1, 0))
    if not len(rows):
        return WHOLE
    first, last = zip(*((int(each[0]), int(each[-1]) + 1) for each in (rows, columns)), strict=True)
    length = max(end - begin for begin, end in zip(first, last, strict=True))
    length = min(side, length + 2 * round(margin * side))
    begins = [(begin + end - length) // 2 for begin, end in zip(first, last, strict=True)]
    top, left = (min(max(0, begin), side - length) for begin in begins)
    return slice(top, top + length), slice(left, left + length)


def paste(canvas: Tensor, layer: Tensor, part: Part) -> None:
    """Composites a square layer (4, side, side) onto the canvas (1, 3, height, width) in place.

    The layer is RGBA with premultiplied alpha.
    """
    height, width = canvas.shape[2:]
    side = round(part.size * min(height, width))
    left = min(max(0, round(part.x * width - side / 2)), width - side)
    top = min(max(0, round(part.y * height - side / 2)), height - side)
    scaled = F.interpolate(layer[None], (side, side), mode="area")
    there = canvas[..., top : top + side, left : left + side]
    mixed = scaled[:, :3] + there * (1 - scaled[:, 3:])
    canvas[..., top : top + side, left : left + side] = mixed


def part_targets(model: Model, target: Target, texts: Sequence[str]) -> list[Target]:
    """A target for each part of an image: its text as the only include, and all excludes."""
    excludes = slice(target.includes, None)
    return [
        replace(
            target,
            texts=(text, *target.texts[excludes]),
            embeddings=torch.cat([embedding[None], target.embeddings[excludes]]),
            weights=torch.cat([target.weights.new_ones(1), target.weights[excludes]]),
            floors=torch.cat([target.floors[:1], target.floors[excludes]]),
            includes=1,
            regions=(),
        )
        for text, embedding in zip(texts, model.perceptor.embed_texts(texts), strict=True)
    ]
