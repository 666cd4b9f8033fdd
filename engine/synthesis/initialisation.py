"""Where a job starts: from a checkpoint, another job's latents, an initial image, or from scratch.

From scratch it starts with the best of many candidates, as CLIP ranks them before anything is
optimised. CLIP ranks an image sooner than a gradient finds a colour or a place far from where it
starts; and random codes would start with a clutter of edges that has to be cleared away first. A
model with a prior samples the candidates from it. Without one they are gradients with soft blobs,
improved by an evolution strategy.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F

from core.recipe import Recipe
from engine.device import autocast
from engine.models.model import Model
from engine.models.prior import LatentPrior
from engine.synthesis import latents
from engine.synthesis.checkpoint import Checkpoint, CheckpointError
from engine.synthesis.config import InitConfig, SynthesisConfig
from engine.synthesis.job_state import JobState, Size, coarse_to_fine, latents_of
from engine.synthesis.objective import Target, clip_loss
from engine.synthesis.prior_guidance import choose_styles, sample_prior
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import RecipeRefused, RefusalCode

GROUND_GENES = 13  #: the colours of a gradient's four corners, and how far they differ
BLOBS = 2  #: soft blobs on a gradient
BLOB_GENES = 7  #: each blob's colour (3), centre (2), size and presence
GENES = GROUND_GENES + BLOBS * BLOB_GENES  #: numbers from 0 to 1 that make a gradient image

EMBED_BATCH = 64  #: candidates embedded together; few enough for a processor's cache


@torch.no_grad()
def start(
    request: RenderRequest,
    target: Target,
    model: Model,
    config: SynthesisConfig,
    device: torch.device,
) -> JobState:
    """A job at its first step, or where `resume_from` left it.

    Raises RecipeRefused and CheckpointError as `Renderer.add` does.
    """
    recipe = request.recipe
    sizes = _sizes(recipe, model, config)
    styles = choose_styles(model, target, config.prior, recipe.seeds)
    if request.resume_from:
        first = torch.zeros(recipe.count, model.vqgan.codebook.shape[1], *sizes[0], device=device)
        generators = list(_seeded(recipe, device))
    elif recipe.source:
        first, generators = _from_job(recipe, request.source, model, config.init, device)
    elif recipe.initial:
        first = _encode_initial(recipe, request, model).expand(recipe.count, -1, -1, -1)
        generators = [_spawn(generator) for generator in _seeded(recipe, device)]
    else:
        first, generators = _from_scratch(recipe, target, model, config, sizes[0], device, styles)
    job = JobState(recipe, target, config, generators, first, sizes, styles)
    if recipe.initial and recipe.strength and not recipe.source:
        job.init_latents = _encode_initial(recipe, request, model)
    if request.source and _continues(recipe):
        _continue(job, request.source)
    if request.resume_from:
        job.resume(request.resume_from, model.vqgan)
    elif recipe.source:
        job.resize(sizes[0])
    return job


def _continues(recipe: Recipe) -> bool:
    """Whether a job goes on with the very latents of its source, not with a variation."""
    return recipe.source is not None and not recipe.source.spread


def _sizes(recipe: Recipe, model: Model, config: SynthesisConfig) -> dict[int, Size]:
    """From coarse to fine, unless the job starts from an image that has its fine structure."""
    factor = model.vqgan.factor
    if _continues(recipe) or (recipe.initial and not recipe.source):
        return {0: (recipe.height // factor, recipe.width // factor)}
    return coarse_to_fine(recipe, factor, config.schedule)


def _seeded(recipe: Recipe, device: torch.device) -> Iterator[Generator]:
    """One for each image, seeded by it alone: the first of four images is the one of one."""
    for seed in recipe.seeds:
        yield Generator(device).manual_seed(seed)


def _spawn(generator: Generator) -> Generator:
    """An image's generator for its steps, however many numbers its start has drawn."""
    seed = int(torch.randint(2**32, (), generator=generator, device=generator.device))
    return Generator(generator.device).manual_seed(seed)


# -- from another job, or an initial image ---------------------------------------------------


def _from_job(
    recipe: Recipe,
    source: Checkpoint | None,
    model: Model,
    config: InitConfig,
    device: torch.device,
) -> tuple[Tensor, list[Generator]]:
    """The latents of one image of another job, warped as far as the recipe says."""
    assert recipe.source
    if not source or recipe.source.row >= len(source.rng_states):
        raise RecipeRefused(RefusalCode.NO_SOURCE)
    try:
        start = latents_of(source, model.vqgan)[_source_rows(recipe)]
    except CheckpointError as error:
        raise RecipeRefused(RefusalCode.BAD_SOURCE) from error
    generators = list(_seeded(recipe, device))
    if recipe.source.spread:
        start = warp(start, config.max_warp * recipe.source.spread, generators)
    return start, generators


def _continue(job: JobState, source: Checkpoint) -> None:
    """Goes on with the source's learning rate and Adam's moments."""
    job.prior_steps = source.prior_steps + source.step
    rows, device = _source_rows(job.recipe), job.latents.device
    job.optimize(
        job.latents, {name: moment.to(device)[rows] for name, moment in source.moments.items()}
    )


def _source_rows(recipe: Recipe) -> Tensor:
    assert recipe.source
    return torch.full((recipe.count,), recipe.source.row)


def warp(start: Tensor, std: float, generators: Sequence[Generator]) -> Tensor:
    """Latents (images, embed_dim, h, w), smoothly displaced by `std` in half sides of the image.

    Noise would be cleared away before it changed anything. What is displaced stays.
    """
    corners = [torch.randn(2, 3, 3, generator=each, device=each.device) for each in generators]
    size = (start.shape[2], start.shape[3])
    flow = std * latents.resize(torch.stack(corners), size).movedim(1, -1)
    identity = torch.eye(2, 3, device=start.device).expand(len(start), -1, -1)
    grid = F.affine_grid(identity, list(start.shape), align_corners=False)
    return F.grid_sample(start, grid + flow, padding_mode="border", align_corners=False)


def _encode_initial(recipe: Recipe, request: RenderRequest, model: Model) -> Tensor:
    """(1, embed_dim, h, w)."""
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
) -> tuple[Tensor, list[Generator]]:
    """The latents of the best candidate for each image."""
    height, width = (side * model.vqgan.factor for side in size)
    starts, generators = [], []
    for row, generator in enumerate(_seeded(recipe, device)):
        style = None if styles is None else styles[row]
        with autocast(device):
            if model.prior:
                best = best_of_prior(model, target, config, generator, style)
            else:
                best = best_of_gradients(model, target, config, width, height, generator)
        if model.prior:
            starts.append(prior_latents(model, best.float(), width, height))
        else:
            starts.append(model.vqgan.encode(best.float()))
        generators.append(_spawn(generator))
    return torch.cat(starts), generators


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
        return prior.denormalise(sample)
    return model.vqgan.encode(fit(prior.to_images(sample, model.vqgan), width, height))


def best_of_gradients(
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


def candidate_loss(model: Model, target: Target, images: Tensor) -> Tensor:
    """(candidates, 3, h, w) from 0 to 1 → (candidates,)."""
    side = model.perceptor.resolution
    batches = [fit(batch, side, side) for batch in images.split(EMBED_BATCH)]
    features = torch.cat([model.perceptor.embed_images(batch) for batch in batches])
    return clip_loss(features.float() @ target.embeddings.t(), target)


def fit(images: Tensor, width: int, height: int) -> Tensor:
    """Square images at another size; their edges are repeated along the longer side.

    So that a circle stays a circle.
    """
    side = min(width, height)
    scaled = F.interpolate(images, (side, side), mode="bilinear", align_corners=False)
    across, down = width - side, height - side
    padding = (across // 2, across - across // 2, down // 2, down - down // 2)
    return F.pad(scaled, padding, mode="replicate")


def evolve(loss: Callable[[Tensor], Tensor], config: InitConfig, generator: Generator) -> Tensor:
    """Genes (candidates or more, GENES), the lowest `loss` (candidates,) first.

    An evolution strategy: each generation is made of mutations of the best before it, which stay,
    with ever smaller mutations.
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

    One colour, or several that run together, with soft blobs of others or without.
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
    """Saturated colours more often than grey ones."""
    return torch.sin(genes * torch.pi / 2).square()
