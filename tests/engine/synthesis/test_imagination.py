"""Where a prior leads a picture, with priors whose mind is known."""

from dataclasses import replace
from typing import cast

import pytest
import torch
from torch import Generator, Tensor, nn

from engine.models.pair import Pair
from engine.models.prior import SIDE, Prior
from engine.synthesis import imagination, objective
from engine.synthesis.method import METHODS
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.synthesis.conftest import CPU, QUICK, Recipes, paint


class Resolute(nn.Module):
    """Whatever it is shown, it would have `brightness` of what it is told, and 0 of nothing."""

    def __init__(self, brightness: float) -> None:
        super().__init__()
        self.brightness = brightness

    def forward(self, noisy: Tensor, times: Tensor, told: Tensor) -> Tensor:
        some = told.abs().sum(1).bool()[:, None, None, None]
        return torch.where(some, self.brightness, 0.0).expand_as(noisy)


def led_by(pair: Pair, prior: nn.Module) -> Pair:
    return replace(pair, prior=cast(Prior, prior))


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
        imagination.astray(
            led_by(pair, Resolute(0.25)), pictures, wanted, seeded(2)
        ).sum().backward()
        descend.step()
    # Twice as far from nothing as the prior itself would go: 0.5 of -1 to 1. Beside the square in
    # the middle nothing has moved.
    assert (pictures[..., 16:80].mean() - 0.75).abs() < 0.02
    assert torch.equal(pictures[..., :16], before[..., :16])
    assert torch.equal(pictures[..., 80:], before[..., 80:])


def test_a_picture_that_is_there_is_not_astray(pair: Pair, recipe: Recipes) -> None:
    resolute = led_by(pair, Resolute(0.25))
    there = torch.full((3, 3, SIDE, SIDE), 0.75)
    astray = imagination.astray(resolute, there, target(pair, recipe), seeded(3))
    assert astray.shape == (3,)
    assert astray.max() < 1e-10


class Halved(nn.Module):
    """Of the includes it would have both halves bright, of the excludes the left one."""

    def __init__(self, wanted: Tensor) -> None:
        super().__init__()
        self.wanted = wanted

    def forward(self, noisy: Tensor, times: Tensor, told: Tensor) -> Tensor:
        pictures = torch.zeros_like(noisy)
        if told.abs().sum() > 0:
            pictures[..., : SIDE // 2] = 0.1
            pictures[..., SIDE // 2 :] = 0.1 if torch.allclose(told[0], self.wanted) else 0.0
        return pictures


def test_an_exclude_leads_away_from_what_the_includes_do_not_want(
    pair: Pair, recipe: Recipes
) -> None:
    wanted = target(pair, recipe, "blue")
    wanted = replace(wanted, floors=wanted.floors - 2)  # whatever is seen, the exclude is in it
    halved = led_by(pair, Halved(wanted.embeddings[0]))
    alone, beside = (
        imagination.imagined(halved, asked, 1, seeded(1)[0])
        for asked in (target(pair, recipe), wanted)
    )
    assert torch.allclose(alone, torch.full_like(alone, 0.6))
    # What both want together stays; what only the exclude wants more of than that, is gone back.
    assert torch.allclose(beside.mean(), alone.mean())
    left, right = beside[..., : SIDE // 2].mean(), beside[..., SIDE // 2 :].mean()
    assert (right - left).item() == pytest.approx(imagination.AVERSION * 0.1 / 2, abs=1e-4)


def test_an_exclude_that_is_not_seen_is_left_in_peace(pair: Pair, recipe: Recipes) -> None:
    wanted = target(pair, recipe, "blue")
    unseen = replace(wanted, floors=wanted.floors + 2)
    halved = led_by(pair, Halved(wanted.embeddings[0]))
    drawn = imagination.imagined(halved, unseen, 1, seeded(1)[0])
    assert torch.allclose(drawn, torch.full_like(drawn, 0.6))


def test_where_includes_and_excludes_lead_alike_nothing_is_gone_back(
    pair: Pair, recipe: Recipes
) -> None:
    resolute = led_by(pair, Resolute(0.25))
    drawn = imagination.imagined(resolute, target(pair, recipe, "blue"), 2, seeded(1)[0])
    assert torch.allclose(drawn, torch.full((2, 3, SIDE, SIDE), 0.75), atol=1e-5)


def test_a_guided_picture_is_another(pair: Pair, recipe: Recipes) -> None:
    painted = []
    for weight in (0.0, 3.0):
        renderer = Renderer(pair, CPU, replace(QUICK, guided=weight))
        renderer.add(RenderRequest(1, recipe(steps=6)))
        painted.append(paint(renderer)[-1].pixels)
    assert not torch.allclose(*painted, atol=1e-3)
