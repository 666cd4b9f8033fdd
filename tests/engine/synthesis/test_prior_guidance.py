"""Where a prior leads a picture, with priors whose mind is known."""

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
from tests.engine.synthesis.conftest import CPU, QUICK, Recipes, paint


class FakePrior(PixelPrior):
    """In the space of pixels, but without a network."""

    def __init__(self) -> None:
        super().__init__(
            embedding=1, width=1, depth=0, heads=1, condition_width=1, condition_tokens=1
        )


class Resolute(FakePrior):
    """Predicts an even image: of `brightness` for any prompt, of 0 for none."""

    def __init__(self, brightness: float) -> None:
        super().__init__()
        self.brightness = brightness

    def forward(
        self, noisy: Tensor, times: Tensor, conditions: Tensor, styles: Tensor | None = None
    ) -> Tensor:
        some = conditions.abs().sum(1).bool()[:, None, None, None]
        return torch.where(some, self.brightness, 0.0).expand_as(noisy)


LATENTS = torch.zeros(1, 32, 8, 8)
"""A prior of images does not look at latents."""


def led_by(model: Model, prior: PixelPrior) -> Model:
    return replace(model, prior=prior)


def seeded(count: int) -> list[Generator]:
    return [Generator().manual_seed(seed) for seed in range(count)]


def target(model: Model, recipe: Recipes, exclude: str = "") -> objective.Target:
    wanted = recipe("a red circle", exclude)
    return objective.embed_target(wanted, {}, model.perceptor, SKETCH.loss, CPU)


def test_the_distillation_gradient_leads_to_the_priors_prediction(
    model: Model, recipe: Recipes
) -> None:
    wanted = target(model, recipe)
    pictures = torch.rand(2, 3, 64, 96, requires_grad=True)
    before = pictures.detach().clone()
    descend = torch.optim.Adam([pictures], 0.1)
    for _ in range(60):
        descend.zero_grad()
        distillation_loss(
            led_by(model, Resolute(0.25)), pictures, LATENTS, wanted, SKETCH.prior, seeded(2)
        ).sum().backward()
        descend.step()
    # Twice as far from nothing as the prior itself would go: 0.5 of -1 to 1. Beside the square in
    # the middle nothing has moved.
    assert (pictures[..., 16:80].mean() - 0.75).abs() < 0.02
    assert torch.equal(pictures[..., :16], before[..., :16])
    assert torch.equal(pictures[..., 80:], before[..., 80:])


def test_the_prior_leaves_an_image_alone_that_it_predicts(model: Model, recipe: Recipes) -> None:
    resolute = led_by(model, Resolute(0.25))
    there = torch.full((3, 3, PIXEL_SIDE, PIXEL_SIDE), 0.75)
    astray = distillation_loss(
        resolute, there, LATENTS, target(model, recipe), SKETCH.prior, seeded(3)
    )
    assert astray.shape == (3,)
    assert astray.max() < 1e-10


class Halved(FakePrior):
    """Of the includes it would have both halves bright, of the excludes the left one."""

    def __init__(self, wanted: Tensor) -> None:
        super().__init__()
        self.wanted = wanted

    def forward(
        self, noisy: Tensor, times: Tensor, conditions: Tensor, styles: Tensor | None = None
    ) -> Tensor:
        images = torch.zeros_like(noisy)
        for image, condition in zip(images, conditions, strict=True):
            if condition.any():
                image[..., : PIXEL_SIDE // 2] = 0.1
                image[..., PIXEL_SIDE // 2 :] = (
                    0.1 if torch.allclose(condition, self.wanted) else 0.0
                )
        return images


def test_an_exclude_leads_away_from_what_the_includes_do_not_want(
    model: Model, recipe: Recipes
) -> None:
    wanted = target(model, recipe, "blue")
    wanted = replace(wanted, floors=wanted.floors - 2)  # whatever is seen, the exclude is in it
    halved = led_by(model, Halved(wanted.embeddings[0]))
    alone, beside = (
        sample_prior(halved, asked, SKETCH.prior, 1, seeded(1)[0])
        for asked in (target(model, recipe), wanted)
    )
    assert torch.allclose(alone, torch.full_like(alone, 0.2))
    # What both want together stays; what only the exclude wants more of than that, is gone back.
    assert torch.allclose(beside.mean(), alone.mean())
    left, right = beside[..., : PIXEL_SIDE // 2].mean(), beside[..., PIXEL_SIDE // 2 :].mean()
    assert (right - left).item() == pytest.approx(SKETCH.prior.negative_scale * 0.1, abs=1e-4)


def test_an_exclude_that_is_not_seen_is_left_in_peace(model: Model, recipe: Recipes) -> None:
    wanted = target(model, recipe, "blue")
    unseen = replace(wanted, floors=wanted.floors + 2)
    halved = led_by(model, Halved(wanted.embeddings[0]))
    drawn = sample_prior(halved, unseen, SKETCH.prior, 1, seeded(1)[0])
    assert torch.allclose(drawn, torch.full_like(drawn, 0.2))


def test_where_includes_and_excludes_lead_alike_nothing_is_gone_back(
    model: Model, recipe: Recipes
) -> None:
    resolute = led_by(model, Resolute(0.25))
    drawn = sample_prior(resolute, target(model, recipe, "blue"), SKETCH.prior, 2, seeded(1)[0])
    assert torch.allclose(drawn, torch.full((2, 3, PIXEL_SIDE, PIXEL_SIDE), 0.5), atol=1e-5)


@pytest.mark.slow
def test_a_guided_image_is_another(model: Model, recipe: Recipes) -> None:
    painted = []
    for weight in (0.0, 3.0):
        renderer = Renderer(model, CPU, override(QUICK, {"loss.prior_weight": weight}))
        renderer.add(RenderRequest(1, recipe(steps=6)))
        painted.append(paint(renderer)[-1].pixels)
    assert not torch.allclose(*painted, atol=1e-3)


@pytest.mark.slow
@torch.no_grad()
def test_the_prior_sees_the_same_thing_at_any_size(picturebook: Model) -> None:
    prior, vqgan = picturebook.prior, picturebook.vqgan
    assert isinstance(prior, LatentPrior)
    with Image.open(THINGS) as sheet:
        start = latents.encode(vqgan, sheet.crop((0, 0, 128, 128)), 128, 128)
    larger = latents.resize_image(vqgan, start, (24, 24), quantize=True)
    seen, seen_larger = (
        prior.view(latents.decode(vqgan, each, quantize=True), each, vqgan)
        for each in (start, larger)
    )
    interpolated = prior.project(latents.resize(larger, (16, 16)))
    difference = (seen_larger - seen).square().mean()
    assert difference < 0.1 * seen.square().mean()
    assert difference < 0.3 * (interpolated - seen).square().mean()
