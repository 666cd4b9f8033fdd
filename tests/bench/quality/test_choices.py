"""The table of choices: each is another one than the method's, and is told in a line."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from bench.quality import choices
from bench.quality.benchmark import PAINTED, Rate
from bench.quality.choices import CHOICES, MEASURES, Choice, heading, line, tried
from bench.quality.prompts import held_out
from bench.quality.scores import CNN, OVERLAP
from core.recipe import Recipe
from engine.models import catalogue
from engine.models.pair import Pair, load_pair, read_pair
from engine.synthesis import objective
from engine.synthesis.method import METHODS
from engine.synthesis.objective import Target
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.random_pair import random_sketch


def test_all_choices_but_the_first_change_something() -> None:
    method = METHODS[choices.PAIR]
    first, *others = CHOICES
    assert first == Choice("as it is")
    for choice in others:
        changed = replace(method, **choice.changes) != method
        assert changed or not choice.prior or choice.otherwise != first.otherwise, choice.name


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return read_pair(catalogue.SKETCH, random_sketch(tmp_path), torch.device("cpu"))


def test_an_angle_is_nearly_a_cosine_where_it_is_small_and_pulls_harder_where_it_is_large(
    pair: Pair,
) -> None:
    axis, slope = torch.tensor([1.0, 0.0]), torch.tensor([0.1, 2.0])
    embedded = F.normalize(torch.stack([torch.ones(2), slope], dim=1), dim=1).requires_grad_(True)
    target = Target(("x",), axis[None], torch.ones(1), torch.zeros(1), 1, (1.0,))
    (near,), (far,) = (objective.similarities(one[None], [target]) for one in embedded)
    with choices.angles(pair):
        (bent,), (bent_far,) = (objective.similarities(one[None], [target]) for one in embedded)
    assert abs(bent - near).item() < 1e-4
    assert bent_far.item() < far.item() - 0.01
    assert objective.similarities(embedded[:1], [target])[0].item() == near.item()


def test_a_line_says_what_both_judges_said() -> None:
    rates = [Rate(m, judge, PAINTED, 1, 4) for m in MEASURES for judge in (OVERLAP, CNN)]
    cells = line("as it is", rates, 1.25).split(" | ")
    assert cells == ["| as it is", *["25 / 25"] * len(MEASURES), "1.25 |"]
    assert heading(rates)[0].count("(n 4)") == len(MEASURES)


def test_a_steady_rate_paints_on_where_it_falls_otherwise(pair: Pair) -> None:
    recipe = Recipe.make("a red circle", width=32, height=32, steps=3, seed=1)
    falling, steady = (last(pair, recipe, how) for how in (nullcontext, choices.steady))
    assert not torch.equal(falling, steady)


def test_tied_latents_lie_nearer_to_the_codebook(tmp_path: Path) -> None:
    pair = load_pair(choices.PAIR, tmp_path, torch.device("cpu"))
    recipe = Recipe.make("a red circle", width=32, height=32, steps=20, seed=1)
    free, tied = (
        (latents - pair.vqgan.quantise(latents)).square().mean()
        for latents in (last(pair, recipe, how) for how in (nullcontext, choices.tied))
    )
    assert tied < 0.5 * free


def last(
    pair: Pair, recipe: Recipe, how: Callable[[Pair], AbstractContextManager[object]]
) -> Tensor:
    """The latents at the end."""
    method = replace(METHODS[choices.PAIR], imagined=1, beginnings=8)
    renderer = Renderer(pair, torch.device("cpu"), method)
    with how(pair):
        renderer.add(RenderRequest(1, recipe))
        while renderer.job_ids:
            (iteration,) = renderer.step()
    latents = iteration.checkpoint().latents
    assert latents is not None
    return latents


def test_a_choice_is_painted_and_judged(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "STEPS", 2)
    asked = held_out(10)
    method = replace(METHODS[choices.PAIR], beginnings=8)
    rates, seconds = tried(CHOICES[1], pair, method, asked, seeds=1)
    assert seconds > 0
    assert {rate.measure for rate in rates} >= set(MEASURES)
