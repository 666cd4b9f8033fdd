"""Starts an image from the prior: from its best sample, or from a sample per part of the prompt.

The prior was trained on images of single things. So for "a cat and a dog", it samples a cat and a
dog separately, and both are placed in the image (after Bar-Tal et al., "MultiDiffusion", 2023, who
combine predictions instead of images).
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from core.understanding.composition import Composition, Part, Place
from engine.models.model import Model
from engine.models.prior import LatentPrior
from engine.synthesis.candidates import candidate_loss, fit
from engine.synthesis.config import InitConfig, RecolouringConfig, SynthesisConfig
from engine.synthesis.objective import Target
from engine.synthesis.prior_guidance import (
    drawn_styles,
    named_styles,
    sample_prior,
    scenery_styles,
    suitable_styles,
)
from engine.synthesis.recolouring import recolour, replace_excluded, roughness, shape_matte

Box = tuple[slice, slice]
WHOLE: Box = (slice(None), slice(None))


def best_prior_samples(
    model: Model,
    target: Target,
    config: SynthesisConfig,
    generators: Sequence[Generator],
    styles: Tensor | None = None,
    *,
    drawn: bool = False,
) -> tuple[Tensor, Tensor]:
    """The best of the prior's samples for each generator, and what they show.

    Returns (generators, *prior.shape) and square images (generators, 3, height, width) from 0 to 1.
    `styles` (generators,) are their styles. CLIP chooses the best one; of `drawn` shapes, the one
    with the smoothest outline.
    """
    assert model.prior
    count = config.init.shape_samples if drawn else config.init.prior_samples
    best, shown = [], []
    # CLIP, which looks for excludes, rounds differently in a larger batch.
    at_once = len(generators) if target.includes == len(target.texts) else 1
    for first in range(0, len(generators), at_once):
        rows = slice(first, first + at_once)
        chosen = None if styles is None else styles[rows]
        for samples in sample_prior(model, target, config.prior, count, generators[rows], chosen):
            images = model.prior.to_images(samples, model.vqgan).float()
            index = 0
            if drawn:
                index = int(roughness(images, config.recolouring).argmin())
            elif count > 1:
                index = int(candidate_loss(model, target, images).argmin())
            best.append(samples[index])
            shown.append(images[index])
    return torch.stack(best), torch.stack(shown)


def prior_latents(model: Model, sample: Tensor, width: int, height: int) -> Tensor:
    """Converts a sample (1, *prior.shape) to latents (1, embed_dim, h, w) of an image's size.

    If the prior samples latents of this size, they are used directly.
    """
    prior, factor = model.prior, model.vqgan.factor
    assert prior
    if isinstance(prior, LatentPrior) and (height, width) == (prior.side * factor,) * 2:
        return prior.reconstruct(sample)
    return model.vqgan.encode(fit(prior.to_images(sample, model.vqgan), width, height))


def compose_images(
    model: Model,
    composition: Composition,
    target: Target,
    config: SynthesisConfig,
    width: int,
    height: int,
    generators: Sequence[Generator],
    styles: Tensor | None,
) -> Tensor:
    """Places the best sample for each part in an image: (generators, 3, height, width), 0 to 1.

    If a part is smaller than the image, its thing is enlarged to fill its place. If the composition
    has a background, parts are cut out and placed on it; otherwise the image is filled with the
    colour at the samples' edges.
    """
    parts = sample_parts(model, composition, target, config, generators, styles)
    landscapes: Sequence[Tensor | None] = [None] * len(generators)
    if composition.landscape:
        (landscape,) = part_targets(model, target, [composition.landscape])
        _, shown = best_prior_samples(model, landscape, config, generators)
        landscapes = fit(shown, width, height).split(1)
    # So that the images of a request differ, every other one is mirrored.
    layouts = [
        composition.with_mirrored_scenery() if each.initial_seed() % 2 else composition
        for each in generators
    ]
    rows = [
        _compose(layout, [part[row] for part in parts], canvas, config, width, height)
        for row, (layout, canvas) in enumerate(zip(layouts, landscapes, strict=True))
    ]
    return torch.cat(rows)


def sample_parts(
    model: Model,
    composition: Composition,
    target: Target,
    config: SynthesisConfig,
    generators: Sequence[Generator],
    styles: Tensor | None,
) -> list[Tensor]:
    """The best samples for the scenery and then the parts, each (generators, 3, side, side)."""
    named = named_styles(model, target)
    in_landscapes = styles if named else scenery_styles(config.prior, generators, styles)
    preferred = [in_landscapes] * len(composition.scenery) + [styles] * len(composition.parts)
    parts = (*composition.scenery, *composition.parts)
    targets = part_targets(model, target, [part.text for part in parts])
    samples = []
    for part, each, wanted in zip(parts, targets, preferred, strict=True):
        if part.drawn:
            chosen = drawn_styles(model, config.prior, generators)
        else:
            chosen = suitable_styles(model, each, config.prior, wanted, named)
        _, shown = best_prior_samples(model, each, config, generators, chosen, drawn=part.drawn)
        samples.append(shown)
    return samples


def _compose(
    composition: Composition,
    images: Sequence[Tensor],
    landscape: Tensor | None,
    config: SynthesisConfig,
    width: int,
    height: int,
) -> Tensor:
    """Images of the scenery and the parts (3, side, side), in one (1, 3, height, width), 0 to 1.

    On a landscape (1, 3, height, width), or on a colour.
    """
    parts = (*composition.scenery, *composition.parts)
    backgrounds = [edge_colours(image[None])[0] for image in images]
    coloured = [
        coloured_thing(image, background, part, composition, config)
        for image, background, part in zip(images, backgrounds, parts, strict=True)
    ]
    images, mattes = zip(*coloured, strict=True) if coloured else ((), ())
    differ = len(images) > 1 and bool(
        torch.stack(backgrounds).std(0).max() > config.init.same_ground
    )
    shapes = any(part.drawn for part in parts)
    cut_out = bool(composition.landscape or composition.colour or differ or shapes)
    if landscape is not None:
        canvas = landscape.clone()
    else:
        colour = torch.stack(backgrounds).median(0).values
        if composition.colour:
            colour = colour.new_tensor(composition.colour) / 255
        elif differ:
            colour = shared_background(images, mattes, backgrounds, config.init)
        canvas = colour[None, :, None, None].repeat(1, 1, height, width)
    for image, alpha, background, part in zip(images, mattes, backgrounds, parts, strict=True):
        box = square_around(alpha, config.init.thing_margin) if part.size < 1 else WHOLE
        if not cut_out:
            alpha = torch.ones_like(alpha)
        colours = part.brightness * (image - (1 - alpha) * background[:, None, None])
        layer = torch.cat([colours, alpha])[:, *box]
        for place in (Place(part.x, part.y, part.size), *part.copies):
            paste(canvas, layer.flip(2) if part.mirrored else layer, place)
    return canvas


def coloured_thing(
    image: Tensor,
    background: Tensor,
    part: Part,
    composition: Composition,
    config: SynthesisConfig,
) -> tuple[Tensor, Tensor]:
    """A part's image (3, side, side) with the colour that it should have, and its thing's matte."""
    if not part.drawn or not part.colour:
        alpha = matte(image, background, config.init)
        return in_colour(image, alpha, part, composition, config.recolouring), alpha
    alpha = shape_matte(image, config.recolouring)
    flat = image.new_tensor(part.colour)[:, None, None] / 255
    image = background[:, None, None].lerp(flat, alpha)
    return replace_excluded(image, alpha, composition.excluded_colours, config.recolouring), alpha


def in_colour(
    image: Tensor, alpha: Tensor, part: Part, composition: Composition, config: RecolouringConfig
) -> Tensor:
    """A part's image (3, side, side) with the colour that it should have."""
    if part.colour:
        image = recolour(image, alpha, part.colour, config)
    return replace_excluded(image, alpha, composition.excluded_colours, config)


def shared_background(
    images: Sequence[Tensor],
    mattes: Sequence[Tensor],
    backgrounds: Sequence[Tensor],
    config: InitConfig,
) -> Tensor:
    """The lightest of the images' background colours (3,) on which all their things are visible.

    The darkest if there is none. The prior gives white things a background that is not white.
    """
    things = [
        (image * alpha).sum((1, 2)) / alpha.sum().clamp_min(1.0)
        for image, alpha in zip(images, mattes, strict=True)
    ]
    *lighter, darkest = sorted(backgrounds, key=lambda each: -float(each.mean()))
    for colour in lighter:
        if all((thing - colour).abs().max() > config.visible for thing in things):
            return colour
    return darkest


def edge_colours(images: Tensor) -> Tensor:
    """The background colours (n, 3) of images (n, 3, height, width): medians of top and bottom."""
    edges = torch.cat([images[..., :1, :].flatten(2), images[..., -1:, :].flatten(2)], dim=2)
    return edges.median(2).values


def matte(image: Tensor, background: Tensor, config: InitConfig) -> Tensor:
    """The alpha matte of the thing in an image (3, h, w): (1, h, w) from 0 to 1.

    Pixels that resemble the background colour (3,) and are connected to the image's edge are
    transparent. Alpha next to them is proportional to the difference from the background.
    """
    distance = (image - background[:, None, None]).abs().amax(0)[None]
    similar = (distance < config.ground_tolerance).float()
    connected = F.pad(torch.zeros_like(similar)[..., 1:-1, 1:-1], (1, 1, 1, 1), value=1.0)
    connected = connected * similar
    while True:
        grown = F.max_pool2d(connected, 3, 1, 1) * similar
        if torch.equal(grown, connected):
            break
        connected = grown
    width = 2 * config.edge_width + 1
    near = F.max_pool2d(connected, width, 1, config.edge_width)
    opaque = config.edge_share * F.max_pool2d(distance, width, 1, config.edge_width)
    alpha = (distance / opaque.clamp_min(config.ground_tolerance)).clamp(0, 1)
    return torch.where(connected > 0, 0.0, torch.where(near > 0, alpha, 1.0))


def square_around(alpha: Tensor, margin: float) -> Box:
    """The bounding square of a matte (1, side, side), with a margin; ignores single pixels.

    `margin` is a share of the image's side.
    """
    side = alpha.shape[-1]
    solid = F.max_pool2d(-F.max_pool2d(-alpha, 3, 1, 1), 3, 1, 1)[0] > 0.5
    rows, columns = (solid.any(axis).nonzero()[:, 0] for axis in (1, 0))
    if not len(rows):
        return WHOLE
    first, last = zip(*((int(each[0]), int(each[-1]) + 1) for each in (rows, columns)), strict=True)
    length = max(end - start for start, end in zip(first, last, strict=True))
    length = min(side, length + 2 * round(margin * side))
    starts = [(start + end - length) // 2 for start, end in zip(first, last, strict=True)]
    top, left = (min(max(0, start), side - length) for start in starts)
    return slice(top, top + length), slice(left, left + length)


def paste(canvas: Tensor, layer: Tensor, place: Place) -> None:
    """Composites a square layer (4, side, side) onto the canvas (1, 3, height, width) in place.

    The layer is RGBA with premultiplied alpha.
    """
    height, width = canvas.shape[2:]
    side = round(place.size * min(height, width))
    left = min(max(0, round(place.x * width - side / 2)), width - side)
    top = min(max(0, round(place.y * height - side / 2)), height - side)
    scaled = F.interpolate(layer[None], (side, side), mode="area")
    below = canvas[..., top : top + side, left : left + side]
    blended = scaled[:, :3] + below * (1 - scaled[:, 3:])
    canvas[..., top : top + side, left : left + side] = blended


def part_targets(model: Model, target: Target, texts: Sequence[str]) -> list[Target]:
    """A target per part of an image, with its text as the only include, and all excludes."""
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
