"""Where a job starts: from a checkpoint, another job's latents, an initial image, or from scratch.

From scratch, it starts with the best of many candidates, as ranked by CLIP. Ranking is faster than
gradient descent to a distant colour or position, and random codes would start with a clutter of
edges that has to be removed first. If the model has a prior, the candidates are its samples.
Otherwise, they are colour gradients with soft blobs, improved by an evolution strategy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F

from core.pattern import Tile
from core.recipe import Recipe
from core.understanding.composer import Composer, composer_of
from core.understanding.composition import NOTHING, Composition, Part
from engine.device import autocast
from engine.models.model import Model
from engine.synthesis import latents
from engine.synthesis.black_and_white import asks_for_black_and_white, gray_latents
from engine.synthesis.candidates import fit
from engine.synthesis.checkpoint import Checkpoint, CheckpointError
from engine.synthesis.config import SynthesisConfig
from engine.synthesis.gradient_start import best_gradient_image
from engine.synthesis.job_state import JobState, Size, coarse_to_fine, latents_of
from engine.synthesis.objective import Target
from engine.synthesis.outlines import asks_for_outlines, keeps_colours, outlined_latents
from engine.synthesis.painted_part import PaintedPart
from engine.synthesis.prior_guidance import choose_styles
from engine.synthesis.prior_start import best_prior_samples, compose_images, prior_latents
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import RecipeRefused, RefusalCode


@torch.no_grad()
def start(
    request: RenderRequest,
    target: Target,
    model: Model,
    config: SynthesisConfig,
    device: torch.device,
) -> JobState:
    """The state of a job before its first step, or from `resume_from`.

    Raises RecipeRefused and CheckpointError as `Renderer.add` does.
    """
    recipe = request.recipe
    sizes = _sizes(recipe, model, config)
    opening = target.at(0.0, config.schedule.scene_fade).active()
    styles = choose_styles(model, opening, config.prior, recipe.seeds)
    part = PaintedPart.of(
        recipe, request.images, model.vqgan.factor, config.cutouts.part_margin, device
    )
    of_prompts = composition_of(recipe, model)
    composition = NOTHING if part else of_prompts
    outlined = not part and asks_for_outlines(recipe, model)
    filled = keeps_colours(recipe, model)
    gray = not part and asks_for_black_and_white(recipe, model)
    if outlined and not filled:
        composition = replace(composition, colour=None)  # as in "a cat, line art, black on white"
    shown = None
    # A resumed job needs the images that it started from, which its checkpoint does not hold.
    stays_close = _stays_close_to_start(recipe, target, config) and not part
    if request.resume_from and not stays_close:
        first = torch.zeros(recipe.count, model.vqgan.codebook.shape[1], *sizes[0], device=device)
        generators = list(_seeded(recipe, device))
    elif recipe.source:
        first, generators = _from_job(recipe, request.source, model, config, device)
    elif part:
        seeded = list(_seeded(recipe, device))
        first = part.first_latents(model, opening, config, seeded, styles, of_prompts)
        generators = [_spawn(generator) for generator in seeded]
    elif recipe.initial:
        first = _encode_initial(recipe, request, model).expand(recipe.count, -1, -1, -1)
        generators = [_spawn(generator) for generator in _seeded(recipe, device)]
    else:
        first, shown, generators = _from_scratch(
            recipe,
            opening,
            model,
            config,
            sizes[0],
            device,
            styles,
            composition,
        )
        if outlined:
            first, shown = outlined_latents(model, first, config, filled)
        if gray:
            first, shown = gray_latents(model, shown)
    if recipe.tile and not recipe.source:
        first = latents.join_edges(first, recipe.tile)
    distilled = not (composition or part or outlined or gray)
    if model.prior and not recipe.initial and not recipe.film and target.scenes == 1:
        config = scale_learning_rate(config, config.prior.lr_ratio)
    job = JobState(
        recipe, target, config, generators, first, sizes, styles, distilled, part=part, shown=shown
    )
    if stays_close:
        job.start_images = shown
    if recipe.initial and recipe.strength and not recipe.source and not part:
        job.init_latents = _encode_initial(recipe, request, model)
    if request.source and recipe.continues:
        _continue(job, request.source)
    if request.resume_from:
        job.resume(request.resume_from, model.vqgan)
    elif recipe.source:
        job.resize(sizes[0], model.vqgan)
    return job


def _stays_close_to_start(recipe: Recipe, target: Target, config: SynthesisConfig) -> bool:
    """Whether a job stays close to the images that it starts from.

    Only if it starts from scratch, and if decoded images are shown as they are.
    """
    from_scratch = not recipe.source and not recipe.initial and target.scenes == 1
    shaped = recipe.tile or recipe.palette or recipe.symmetry
    return config.loss.start_weight > 0 and from_scratch and not shaped


def scale_learning_rate(config: SynthesisConfig, ratio: float) -> SynthesisConfig:
    """A copy of the config with another learning rate."""
    learning_rate = ratio * config.schedule.learning_rate
    return replace(config, schedule=replace(config.schedule, learning_rate=learning_rate))


def _sizes(recipe: Recipe, model: Model, config: SynthesisConfig) -> dict[int, Size]:
    """From coarse to fine, unless the job starts from an image that has fine details."""
    factor = model.vqgan.factor
    if recipe.continues or (recipe.initial and not recipe.source):
        return {0: (recipe.height // factor, recipe.width // factor)}
    return coarse_to_fine(recipe, factor, config.schedule)


def _seeded(recipe: Recipe, device: torch.device) -> Iterator[Generator]:
    """A generator for each image, with its own seed.

    So the first of four images is the same as a single image.
    """
    for seed in recipe.seeds:
        yield Generator(device).manual_seed(seed)


def _spawn(generator: Generator) -> Generator:
    """A generator for an image's steps, independent of how many numbers its start draws."""
    seed = int(torch.randint(2**32, (), generator=generator, device=generator.device))
    return Generator(generator.device).manual_seed(seed)


# -- from another job, or an initial image ---------------------------------------------------


def _from_job(
    recipe: Recipe,
    source: Checkpoint | None,
    model: Model,
    config: SynthesisConfig,
    device: torch.device,
) -> tuple[Tensor, list[Generator]]:
    """The latents of one image of another job, warped by the recipe's `spread`."""
    assert recipe.source
    if not source or recipe.source.row >= len(source.rng_states):
        raise RecipeRefused(RefusalCode.NO_SOURCE)
    try:
        start = latents_of(source, model.vqgan)[_source_rows(recipe)]
    except CheckpointError as error:
        raise RecipeRefused(RefusalCode.BAD_SOURCE) from error
    generators = list(_seeded(recipe, device))
    if recipe.source.spread:
        images = latents.decode(model.vqgan, start, config.quantize, recipe.tile)
        std = config.init.max_warp * recipe.source.spread
        warped = warp(images, std, generators, recipe.tile)
        start = latents.encode_again(model.vqgan, warped, recipe.tile)
    return start, generators


def _continue(job: JobState, source: Checkpoint) -> None:
    """Continues with the source's learning rate and Adam's moments."""
    job.prior_steps = source.prior_steps + source.step
    rows, device = _source_rows(job.recipe), job.latents.device
    job.optimize(
        job.latents, {name: moment.to(device)[rows] for name, moment in source.moments.items()}
    )


def _source_rows(recipe: Recipe) -> Tensor:
    assert recipe.source
    return torch.full((recipe.count,), recipe.source.row)


def warp(
    images: Tensor, std: float, generators: Sequence[Generator], tile: Tile | None = None
) -> Tensor:
    """Warps images (images, 3, height, width) by a smooth displacement.

    `std` is its standard deviation in half sides of the image. Added noise would be removed by the
    optimiser before anything else changed; a displacement stays.
    """
    corners = [torch.randn(2, 3, 3, generator=each, device=each.device) for each in generators]
    size = (images.shape[2], images.shape[3])
    flow = std * latents.resize(torch.stack(corners), size, tile).movedim(1, -1)
    identity = torch.eye(2, 3, device=images.device).expand(len(images), -1, -1)
    grid = F.affine_grid(identity, list(images.shape), align_corners=False) + flow
    if tile:  # samples from copies of the image around it
        rows, columns = 3 if tile.down else 1, 3 if tile.across else 1
        images = images.repeat(1, 1, rows, columns)
        grid = grid / grid.new_tensor([columns, rows])
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _encode_initial(recipe: Recipe, request: RenderRequest, model: Model) -> Tensor:
    """The latents of the initial image: (1, embed_dim, h, w)."""
    assert recipe.initial
    image: Image.Image = request.images[recipe.initial]
    return latents.encode(model.vqgan, image, recipe.width, recipe.height)


# -- from scratch ----------------------------------------------------------------------------


def _from_scratch(
    recipe: Recipe,
    target: Target,
    model: Model,
    config: SynthesisConfig,
    size: Size,
    device: torch.device,
    styles: Tensor | None,
    composition: Composition,
) -> tuple[Tensor, Tensor, list[Generator]]:
    """The best candidate for each image: latents, what they show, generators for the steps.

    The latents are (images, embed_dim, *size), what they show (images, 3, height, width), 0 to 1.
    """
    height, width = (side * model.vqgan.factor for side in size)
    seeded, samples = list(_seeded(recipe, device)), None
    with autocast(device):
        if composition:
            images = compose_images(
                model, composition, target, config, width, height, seeded, styles
            )
        elif model.prior:
            samples, images = best_prior_samples(model, target, config, seeded, styles)
            images = fit(images, width, height)
        else:
            found = [
                best_gradient_image(model, target, config, width, height, each) for each in seeded
            ]
            images = torch.cat(found)
    # One at a time: the processor's kernels round differently in a larger batch.
    if samples is None:
        starts = [model.vqgan.encode(image) for image in images.float().split(1)]
    else:
        starts = [prior_latents(model, each, width, height) for each in samples.float().split(1)]
    return torch.cat(starts), images.float(), [_spawn(generator) for generator in seeded]


def composition_of(recipe: Recipe, model: Model) -> Composition:
    """The composition of the includes; empty for one thing in the middle.

    Only the first scene of a story counts.
    """
    composer = composer_of(model.name)
    if model.prior and any(prompt.region for prompt in recipe.include):
        return _composition_of_regions(recipe, composer)
    if not composer or not model.prior or recipe.include_images:
        return NOTHING
    return composer.compose(
        recipe.first_texts,
        [prompt.text for prompt in recipe.exclude],
    )


def _composition_of_regions(recipe: Recipe, composer: Composer | None) -> Composition:
    """The first prompt of each region in its middle, on the background from the other prompts."""
    first = {p.region: p.text for p in reversed(recipe.include) if p.region and p.scene < 2}
    shorter = min(recipe.width, recipe.height)
    parts = []
    for region, text in reversed(first.items()):
        left, top, right, bottom = region.pixels(recipe.width, recipe.height)
        middle = (left + right) / 2 / recipe.width, (top + bottom) / 2 / recipe.height
        parts.append(Part(text, *middle, min(right - left, bottom - top, shorter) / shorter))
    others = [p.text for p in recipe.include if not p.region and p.scene < 2]
    if not composer:
        return Composition(tuple(parts))
    background = composer.compose([parts[0].text, *others]) if others else NOTHING
    excludes = [prompt.text for prompt in recipe.exclude]
    texts = [part.text for part in parts]
    return composer.coloured(replace(background, parts=tuple(parts)), texts, excludes)
