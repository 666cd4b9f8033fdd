"""How a prior guides an image, with fake priors whose predictions are known."""

from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch import Generator, Tensor

from engine.models.model import Model
from engine.models.prior import PIXEL_SIDE, LatentPrior, PixelPrior
from engine.synthesis import latents, objective
from engine.synthesis.config import SKETCH, override
from engine.synthesis.prior_guidance import distillation_loss, sample_prior
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.conftest import THINGS
from tests.engine.synthesis.conftest import CPU, QUICK, RecipeFactory, run_job


class FakePrior(PixelPrior):
    """A prior of pixels without a network."""

    def __init__(self) -> None:
        super().__init__(
            embedding=1, width=1, depth=0, heads=1, condition_width=1, condition_tokens=1
        )


class ConstantPrior(FakePrior):
    """Predicts a uniform image: `brightness` for any prompt, 0 without one."""

    def __init__(self, brightness: float) -> None:
        super().__init__()
        self.brightness = brightness

    def forward(
        self, noisy: Tensor, times: Tensor, conditions: Tensor, styles: Tensor | None = None
    ) -> Tensor:
        has_prompt = conditions.abs().sum(1).bool()[:, None, None, None]
        return torch.where(has_prompt, self.brightness, 0.0).expand_as(noisy)


class StylePrior(FakePrior):
    """Predicts a uniform image: brighter with a prompt, and with a style's number."""

    def forward(
        self, noisy: Tensor, times: Tensor, conditions: Tensor, styles: Tensor | None = None
    ) -> Tensor:
        assert styles is not None
        brightness = 0.1 * conditions.abs().sum(1).bool() + 0.01 * styles
        return brightness[:, None, None, None].expand_as(noisy)


LATENTS = torch.zeros(1, 32, 8, 8)
"""A prior of pixels ignores latents."""


def with_prior(model: Model, prior: PixelPrior) -> Model:
    return replace(model, prior=prior)


def seeded_generators(count: int) -> list[Generator]:
    return [Generator().manual_seed(seed) for seed in range(count)]


def make_target(model: Model, make_recipe: RecipeFactory, exclude: str = "") -> objective.Target:
    recipe = make_recipe("a red circle", exclude)
    return objective.embed_target(recipe, {}, model.perceptor, SKETCH.loss, CPU)


def test_the_distillation_gradient_leads_to_the_priors_prediction(
    model: Model, make_recipe: RecipeFactory
) -> None:
    target = make_target(model, make_recipe)
    images = torch.rand(2, 3, 64, 96, requires_grad=True)
    before = images.detach().clone()
    optimizer = torch.optim.Adam([images], 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        distillation_loss(
            with_prior(model, ConstantPrior(0.25)),
            images,
            LATENTS,
            target,
            SKETCH.prior,
            seeded_generators(2),
        ).sum().backward()
        optimizer.step()
    # Guidance doubles the prior's 0.25 to 0.5, on a scale from -1 to 1. Nothing changes outside
    # the square in the middle.
    assert (images[..., 16:80].mean() - 0.75).abs() < 0.02
    assert torch.equal(images[..., :16], before[..., :16])
    assert torch.equal(images[..., 80:], before[..., 80:])


def test_the_prior_does_not_change_an_image_that_it_predicts(
    model: Model, make_recipe: RecipeFactory
) -> None:
    guided_model = with_prior(model, ConstantPrior(0.25))
    predicted = torch.full((3, 3, PIXEL_SIDE, PIXEL_SIDE), 0.75)
    loss = distillation_loss(
        guided_model,
        predicted,
        LATENTS,
        make_target(model, make_recipe),
        SKETCH.prior,
        seeded_generators(3),
    )
    assert loss.shape == (3,)
    assert loss.max() < 1e-10


class HalvesPrior(FakePrior):
    """Predicts two bright halves for the include, and a bright left half for any exclude."""

    def __init__(self, include: Tensor) -> None:
        super().__init__()
        self.include = include

    def forward(
        self, noisy: Tensor, times: Tensor, conditions: Tensor, styles: Tensor | None = None
    ) -> Tensor:
        images = torch.zeros_like(noisy)
        for image, condition in zip(images, conditions, strict=True):
            if condition.any():
                image[..., : PIXEL_SIDE // 2] = 0.1
                image[..., PIXEL_SIDE // 2 :] = (
                    0.1 if torch.allclose(condition, self.include) else 0.0
                )
        return images


def test_an_exclude_leads_away_only_from_what_the_includes_do_not_ask_for(
    model: Model, make_recipe: RecipeFactory
) -> None:
    target = make_target(model, make_recipe, "blue")
    target = replace(target, floors=target.floors - 2)  # the exclude counts as present in any image
    guided_model = with_prior(model, HalvesPrior(target.embeddings[0]))
    without_exclude, with_exclude = (
        sample_prior(guided_model, each, SKETCH.prior, 1, seeded_generators(1))
        for each in (make_target(model, make_recipe), target)
    )
    assert torch.allclose(without_exclude, torch.full_like(without_exclude, 0.2))
    # What both ask for stays; what only the exclude asks for is pushed back.
    assert torch.allclose(with_exclude.mean(), without_exclude.mean())
    left, right = (
        with_exclude[..., : PIXEL_SIDE // 2].mean(),
        with_exclude[..., PIXEL_SIDE // 2 :].mean(),
    )
    assert (right - left).item() == pytest.approx(SKETCH.prior.negative_scale * 0.1, abs=1e-4)


def test_an_exclude_that_is_not_present_has_no_effect(
    model: Model, make_recipe: RecipeFactory
) -> None:
    target = make_target(model, make_recipe, "blue")
    absent = replace(target, floors=target.floors + 2)
    guided_model = with_prior(model, HalvesPrior(target.embeddings[0]))
    samples = sample_prior(guided_model, absent, SKETCH.prior, 1, seeded_generators(1))
    assert torch.allclose(samples, torch.full_like(samples, 0.2))


def test_an_exclude_has_no_effect_in_the_direction_of_the_includes(
    model: Model, make_recipe: RecipeFactory
) -> None:
    guided_model = with_prior(model, ConstantPrior(0.25))
    samples = sample_prior(
        guided_model,
        make_target(model, make_recipe, "blue"),
        SKETCH.prior,
        2,
        seeded_generators(1),
    )
    assert torch.allclose(samples, torch.full((1, 2, 3, PIXEL_SIDE, PIXEL_SIDE), 0.5), atol=1e-5)


@pytest.mark.slow
def test_guidance_changes_the_image(model: Model, make_recipe: RecipeFactory) -> None:
    images = []
    for weight in (0.0, 3.0):
        renderer = Renderer(model, CPU, override(QUICK, {"loss.prior_weight": weight}))
        renderer.add(RenderRequest(1, make_recipe(steps=6)))
        images.append(run_job(renderer)[-1].pixels)
    assert not torch.allclose(*images, atol=1e-3)


@pytest.mark.slow
@torch.no_grad()
def test_the_prior_sees_the_same_thing_at_any_size(picturebook: Model) -> None:
    prior, vqgan = picturebook.prior, picturebook.vqgan
    assert isinstance(prior, LatentPrior)
    with Image.open(THINGS) as sheet:
        original = latents.encode(vqgan, sheet.crop((0, 0, 128, 128)), 128, 128)
    larger = latents.resize_image(vqgan, original, (24, 24), quantize=True)
    seen, seen_larger = (
        prior.to_samples(latents.decode(vqgan, each, quantize=True), each, vqgan)
        for each in (original, larger)
    )
    interpolated = prior.project(latents.resize(larger, (16, 16)))
    difference = (seen_larger - seen).square().mean()
    assert difference < 0.1 * seen.square().mean()
    assert difference < 0.3 * (interpolated - seen).square().mean()


def test_guidance_is_towards_the_style_as_well_as_the_prompt(
    model: Model, make_recipe: RecipeFactory
) -> None:
    target, config = make_target(model, make_recipe), override(SKETCH, {"prior.guidance_scale": 3})
    styled = with_prior(model, StylePrior())
    styles = torch.tensor([1, 5])
    samples = sample_prior(styled, target, config.prior, 2, seeded_generators(2), styles)
    expected = 3 * (0.1 + 0.01 * styles)  # thrice the difference to no prompt and any style
    torch.testing.assert_close(samples.mean((1, 2, 3, 4)), expected)
