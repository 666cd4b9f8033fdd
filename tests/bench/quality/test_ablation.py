"""The ablation table: every variant differs from the config, and has a row."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from bench.quality import ablation
from bench.quality.ablation import (
    MEASURES,
    VARIANTS,
    Commitment,
    SphericalDistance,
    Variant,
    heading,
    row,
    run_variant,
)
from bench.quality.benchmark import RENDERED, Rate
from bench.quality.prompts import held_out
from bench.quality.scores import CNN, OVERLAP
from core.recipe import Recipe
from engine.models import catalogue
from engine.models.model import Model, load_model, read_model
from engine.synthesis import objective
from engine.synthesis.config import CONFIGS, override
from engine.synthesis.objective import Target
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.random_pair import random_sketch


def test_all_variants_but_the_first_change_something() -> None:
    config = CONFIGS[ablation.MODEL]
    first, *others = VARIANTS
    assert first == Variant("as it is")
    for variant in others:
        changed = override(config, variant.changes) != config
        assert changed or not variant.prior or variant.renderer is not first.renderer, variant.name


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return read_model(catalogue.find("sketch"), random_sketch(tmp_path), torch.device("cpu"))


def test_the_spherical_distance_is_like_the_cosine_at_small_angles_and_steeper_at_large_ones(
    model: Model,
) -> None:
    axis, slope = torch.tensor([1.0, 0.0]), torch.tensor([0.1, 2.0])
    embedded = F.normalize(torch.stack([torch.ones(2), slope], dim=1), dim=1).requires_grad_(True)
    target = Target(("x",), axis[None], torch.ones(1), torch.zeros(1), 1)
    (near,), (far,) = (objective.cosine_similarities(one[None], [target]) for one in embedded)
    spherical = SphericalDistance(model, torch.device("cpu"))
    (spherical_near,), (spherical_far,) = (
        spherical._similarities(one[None], [target]) for one in embedded
    )
    assert abs(spherical_near - near).item() < 1e-4
    assert spherical_far.item() < far.item() - 0.01


def test_a_row_has_the_rates_of_both_judges() -> None:
    rates = [Rate(m, judge, RENDERED, 1, 4) for m in MEASURES for judge in (OVERLAP, CNN)]
    assert row("as it is", rates, 1.25) == ("as it is", *["25 / 25"] * len(MEASURES), "1.25")
    assert sum("(n 4)" in name for name in heading(rates)) == len(MEASURES)


@pytest.mark.slow
def test_committed_latents_lie_nearer_to_the_codebook(tmp_path: Path) -> None:
    model = load_model(ablation.MODEL, tmp_path, torch.device("cpu"))
    recipe = Recipe.make("a red circle", width=32, height=32, steps=20, seed=1)
    free, committed = (
        (latents - model.vqgan.quantise(latents)).square().mean()
        for latents in (final_latents(model, recipe, kind) for kind in (Renderer, Commitment))
    )
    assert committed < 0.5 * free


def final_latents(model: Model, recipe: Recipe, kind: type[Renderer]) -> Tensor:
    """The latents after the last step."""
    config = override(CONFIGS[ablation.MODEL], {"init.prior_samples": 1, "init.candidates": 8})
    renderer = kind(model, torch.device("cpu"), config)
    renderer.add(RenderRequest(1, recipe))
    while renderer.job_ids:
        (output,) = renderer.step()
    latents = output.checkpoint().latents
    assert latents is not None
    return latents


@pytest.mark.slow
def test_a_variant_is_rendered_and_judged(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablation, "STEPS", 2)
    prompts = held_out(10)
    config = override(CONFIGS[ablation.MODEL], {"init.candidates": 8})
    rates, seconds = run_variant(VARIANTS[1], model, config, prompts, seeds=1)
    assert seconds > 0
    assert {rate.measure for rate in rates} >= set(MEASURES)
