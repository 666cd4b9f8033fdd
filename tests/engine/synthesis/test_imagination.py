"""Where a prior leads a picture, with priors whose mind is known."""

from dataclasses import replace
from typing import cast

import torch
from torch import Generator, Tensor, nn

from engine.models.pair import Pair
from engine.models.prior import SIDE, Prior
from engine.synthesis import imagination, objective
from engine.synthesis.method import METHODS
from engine.synthesis.renderer import Renderer
from tests.engine.synthesis.conftest import CPU, QUICK, Recipes, paint


class Resolute(nn.Module):
    """Whatever it is shown, it would have `brightness` of what it is told, and 0 of nothing."""

    def __init__(self, brightness: float) -> None:
        super().__init__()
        self.brightness = brightness

    def forward(self, noisy: Tensor, times: Tensor, told: Tensor) -> Tensor:
        some = told.abs().sum(1).bool()[:, None, None, None]
        return torch.where(some, self.brightness, 0.0).expand_as(noisy)


def prior(brightness: float) -> Prior:
    return cast(Prior, Resolute(brightness))


def seeded(count: int) -> list[Generator]:
    return [Generator().manual_seed(seed) for seed in range(count)]


def target(pair: Pair, recipe: Recipes, exclude: str = "") -> objective.Target:
    wanted = recipe("a red circle", exclude)
    return objective.target(wanted, {}, pair.perceptor, METHODS["sketch"], CPU)


def test_its_gradient_leads_a_picture_where_the_prior_would_have_it(
    pair: Pair, recipe: Recipes
) -> None:
    wanted = target(pair, recipe)
    pictures = torch.rand(2, 3, 64, 96, requires_grad=True)
    before = pictures.detach().clone()
    descend = torch.optim.Adam([pictures], 0.1)
    for _ in range(60):
        descend.zero_grad()
        imagination.astray(prior(0.25), pictures, wanted, seeded(2)).sum().backward()
        descend.step()
    # Twice as far from nothing as the prior itself would go: 0.5 of -1 to 1. Beside the square in
    # the middle nothing has moved.
    assert (pictures[..., 16:80].mean() - 0.75).abs() < 0.02
    assert torch.equal(pictures[..., :16], before[..., :16])
    assert torch.equal(pictures[..., 80:], before[..., 80:])


def test_a_picture_that_is_there_is_not_astray(pair: Pair, recipe: Recipes) -> None:
    there = torch.full((3, 3, SIDE, SIDE), 0.75)
    astray = imagination.astray(prior(0.25), there, target(pair, recipe), seeded(3))
    assert astray.shape == (3,)
    assert astray.max() < 1e-10


def test_where_includes_and_excludes_lead_alike_nothing_is_gone_further(
    pair: Pair, recipe: Recipes
) -> None:
    drawn = imagination.imagined(prior(0.25), target(pair, recipe, "blue"), 2, seeded(1)[0])
    assert torch.allclose(drawn, torch.full((2, 3, SIDE, SIDE), 0.625))


def test_a_guided_picture_is_another(pair: Pair, recipe: Recipes) -> None:
    painted = []
    for weight in (0.0, 3.0):
        renderer = Renderer(pair, CPU, replace(QUICK, guided=weight))
        renderer.add(1, recipe(steps=6))
        painted.append(paint(renderer)[-1].painted)
    assert not torch.allclose(*painted, atol=1e-3)
