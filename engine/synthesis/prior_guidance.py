"""Guidance by the model's prior: samples to start from, and a loss for each image.

The prior is a flow from noise (t = 0) to images (t = 1) that predicts the image at its end. Its
predictions are guided:

- towards the includes by classifier-free guidance (Ho and Salimans, "Classifier-Free Diffusion
  Guidance", 2022), with several prompts as in Liu et al., "Compositional Visual Generation with
  Composable Diffusion Models", 2022;
- away from the excludes by Perp-Neg (Armandpour et al., "Re-imagine the Negative Prompt
  Algorithm", 2023): only in directions perpendicular to the includes, so that a sunset without
  clouds is still a sunset;
- and only as far as CLIP finds an exclude present in the prediction (an idea from Koulischer et
  al., "Dynamic Negative Guidance of Diffusion Models", 2024).
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from core.understanding.vocabulary import vocabulary_of
from engine.models.model import Model
from engine.models.prior import LatentPrior
from engine.synthesis.config import PriorConfig
from engine.synthesis.objective import Target

EPSILON = 1e-6  #: avoids a division by zero


def choose_styles(
    model: Model, target: Target, config: PriorConfig, seeds: Sequence[int]
) -> Tensor | None:
    """A style for each image (images,), if the prior knows styles.

    Consecutive seeds, such as those of a job's images, get different styles.
    """
    if not isinstance(model.prior, LatentPrior):
        return None
    plausible = plausible_styles(model, model.prior, target, config)
    device = target.embeddings.device
    return torch.tensor([plausible[seed % len(plausible)] for seed in seeds], device=device)


def suitable_styles(
    model: Model,
    target: Target,
    config: PriorConfig,
    styles: Tensor | None,
    named: tuple[int, ...] = (),
) -> Tensor | None:
    """Each style (images,) if it is plausible for the target, otherwise another one.

    If the whole prompt has `named` styles, which the target's part of it need not mention, only
    these are plausible.
    """
    if styles is None or not isinstance(model.prior, LatentPrior):
        return styles
    plausible = plausible_styles(model, model.prior, target, config, named)
    numbers = [
        number if number in plausible else plausible[number % len(plausible)]
        for number in styles.tolist()
    ]
    return styles.new_tensor(numbers)


def drawn_styles(
    model: Model, config: PriorConfig, generators: Sequence[Generator]
) -> Tensor | None:
    """The style of drawn shapes for each image (generators,), if the prior knows styles."""
    if not isinstance(model.prior, LatentPrior):
        return None
    return torch.tensor([config.drawn_style for _ in generators], device=generators[0].device)


def scenery_styles(
    config: PriorConfig, generators: Sequence[Generator], styles: Tensor | None
) -> Tensor | None:
    """The styles (generators,) of what is in landscapes, instead of `styles`.

    Two consecutive seeds share one, because every other landscape is mirrored.
    """
    if styles is None or not config.scenery_styles:
        return styles
    count = len(config.scenery_styles)
    pairs = [generator.initial_seed() // 2 for generator in generators]
    return styles.new_tensor([config.scenery_styles[pair % count] for pair in pairs])


def named_styles(model: Model, target: Target) -> tuple[int, ...]:
    """The styles that the includes name. Outlines are drawn around images in a flat style."""
    vocabulary = vocabulary_of(model.name)
    if not vocabulary:
        return ()
    texts = target.texts[: target.includes]
    outlined = vocabulary.asks_for_outlines(texts)
    return vocabulary.styles["flat"] if outlined else vocabulary.styles_of(texts)


def plausible_styles(
    model: Model,
    prior: LatentPrior,
    target: Target,
    config: PriorConfig,
    named: tuple[int, ...] = (),
) -> list[int]:
    """The likely styles for the includes, among those that contain their things.

    If the includes or the whole prompt have `named` styles, only these; otherwise, the best ones.
    """
    weights = target.weights[: target.includes, None]
    include = F.normalize((weights * target.embeddings[: target.includes]).sum(0), dim=0)
    probabilities = prior.style_logits(include[None])[0].float().softmax(0)
    named = named or named_styles(model, target)
    if vocabulary := vocabulary_of(model.name):
        for styles in (vocabulary.styles_that_show(target.texts[: target.includes]), named):
            indices = probabilities.new_tensor(styles).long()
            allowed = torch.zeros_like(probabilities).index_fill(0, indices, 1.0)
            if (probabilities * allowed).any():
                probabilities = probabilities * allowed
    likely = probabilities >= config.style_share * probabilities.max()
    plausible: list[int] = likely.nonzero()[:, 0].tolist()
    if named or not config.best_styles:
        return plausible
    return sorted(plausible, key=config.best_styles.index)[: config.style_count]


def sample_prior(
    model: Model,
    target: Target,
    config: PriorConfig,
    count: int,
    generators: Sequence[Generator],
    styles: Tensor | None = None,
) -> Tensor:
    """Draws samples with Euler's method: (generators, count, *prior.shape).

    `styles` (generators,) are their styles.
    """
    assert model.prior
    shape = count, *model.prior.shape
    noise = [torch.randn(shape, generator=each, device=each.device) for each in generators]
    x = torch.cat(noise)
    by_sample = None if styles is None else styles.repeat_interleave(count)
    timesteps = torch.linspace(0, 1, config.sampling_steps + 1).tolist()
    for t, next_t in itertools.pairwise(timesteps):
        times = x.new_full((len(x),), t)
        prediction = guided_prediction(model, x, times, target, config, by_sample)
        x = x.lerp(prediction, (next_t - t) / (1 - t))
    samples: Tensor = x.unflatten(0, (len(noise), count))
    return samples


def distillation_loss(
    model: Model,
    images: Tensor,
    latents: Tensor,
    target: Target,
    config: PriorConfig,
    generators: Sequence[Generator],
    styles: Tensor | None = None,
) -> Tensor:
    """Images (batch, 3, height, width) from 0 to 1, their latents, a generator for each → (batch,).

    The images are converted to samples of the prior. The loss is their mean squared distance from
    what the prior predicts after noise is added (Graikos et al., "Diffusion Models as Plug-and-Play
    Priors", 2022; Poole et al., "DreamFusion", 2022). Only the central square counts.
    """
    assert model.prior
    x = model.prior.to_samples(images, latents, model.vqgan)
    device = x.device
    uniform = [torch.rand((), generator=each, device=device) for each in generators]
    noise = [torch.randn(x.shape[1:], generator=each, device=device) for each in generators]
    t = config.t_min + (config.t_max - config.t_min) * torch.stack(uniform)
    with torch.no_grad():
        noisy = torch.stack(noise).lerp(x, t[:, None, None, None])
        prediction = guided_prediction(model, noisy, t, target, config, styles)
    return (x - prediction).square().mean((1, 2, 3))


def guided_prediction(
    model: Model,
    x: Tensor,
    t: Tensor,
    target: Target,
    config: PriorConfig,
    styles: Tensor | None = None,
) -> Tensor:
    """The guided prediction for `x` (batch, *shape) at `t` (batch,)."""
    unconditional, conditional = predict(model, x, t, target.embeddings, styles)
    directions = _per_image(target.weights.abs()[:, None]) * (conditional - unconditional)
    include = directions[: target.includes].sum(0)
    assert model.prior
    prediction = model.prior.clamp(unconditional + config.guidance_scale * include)
    if target.includes == len(directions):
        return prediction
    present = _per_image(presence(model, prediction, target, config))
    exclude = (present * directions)[target.includes :].sum(0)
    return model.prior.clamp(prediction - config.negative_scale * perpendicular(exclude, include))


def predict(
    model: Model, x: Tensor, t: Tensor, embeddings: Tensor, styles: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Predictions without a prompt (batch, *shape) and with each prompt (prompts, batch, *shape).

    The former are of any style, so that guidance is towards the style, too. All in one forward
    pass.
    """
    assert model.prior
    conditions = torch.cat([torch.zeros_like(embeddings[:1]), embeddings])
    passes, batch = len(conditions), len(x)
    numbers = None
    if styles is not None:
        numbers = torch.cat([torch.zeros_like(styles), styles.repeat(passes - 1)])
    predictions: Tensor = model.prior(
        x.repeat(passes, 1, 1, 1),
        t.repeat(passes),
        conditions.repeat_interleave(batch, 0),
        numbers,
    )
    predictions = predictions.float().unflatten(0, (passes, batch))
    return predictions[0], predictions[1:]


def presence(model: Model, x: Tensor, target: Target, config: PriorConfig) -> Tensor:
    """(prompts, batch) from 0 to 1: how certain CLIP is that `x` shows each prompt."""
    side = model.perceptor.resolution
    assert model.prior
    images = model.prior.to_images(x, model.vqgan).float()
    images = F.interpolate(images, (side, side), mode="bilinear", align_corners=False)
    similarity = target.embeddings @ model.perceptor.embed_images(images).float().t()
    return ((similarity - target.floors[:, None]) / config.presence_range).clamp(0, 1)


def perpendicular(direction: Tensor, other: Tensor) -> Tensor:
    """The component of each direction (batch, *shape) that is perpendicular to the other."""
    dot, squared_norm = (direction * other).sum((1, 2, 3)), other.square().sum((1, 2, 3))
    return direction - (dot / squared_norm.clamp_min(EPSILON))[:, None, None, None] * other


def _per_image(numbers: Tensor) -> Tensor:
    """(prompts, batch) → (prompts, batch, 1, 1, 1), to multiply samples with."""
    return numbers[..., None, None, None]
