"""Where images start: candidates, and the search for the best of them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Generator, Tensor

from core.recipe import Recipe, Source
from engine.models.model import Model
from engine.synthesis import objective
from engine.synthesis.candidates import fit
from engine.synthesis.config import PICTUREBOOK, SKETCH, SynthesisConfig, override
from engine.synthesis.gradient_start import GENES, evolve, gradient_images
from engine.synthesis.initialisation import start
from engine.synthesis.prior_start import best_prior_samples
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.synthesis.conftest import CPU, QUICK, RecipeFactory

CONFIG = override(SKETCH, {"init.candidates": 64})


@given(st.integers(0, 2**32 - 1))
def test_gradients_are_images(seed: int) -> None:
    genes = torch.rand(6, GENES, generator=Generator().manual_seed(seed))
    images = gradient_images(genes, 48, 32, SKETCH.init)
    assert images.shape == (6, 3, 32, 48)
    assert images.min() >= 0
    assert images.max() <= 1


def lack_of_red(genes: Tensor) -> Tensor:
    red, green, blue = gradient_images(genes, 16, 16, SKETCH.init).mean((2, 3)).unbind(1)
    return green + blue - red


@given(st.integers(0, 2**32 - 1))
def test_the_search_finds_better_candidates_than_chance(seed: int) -> None:
    generator = Generator().manual_seed(seed)
    random = torch.rand(64, GENES, generator=generator)
    found = evolve(lack_of_red, CONFIG.init, generator)[:1]
    assert lack_of_red(found) < lack_of_red(random).quantile(0.1)


def best_sample(model: Model, recipe: Recipe, config: SynthesisConfig = SKETCH) -> Tensor:
    """The best of the prior's samples, as an image (3, 64, 64)."""
    target = objective.embed_target(recipe, {}, model.perceptor, config.loss, CPU)
    with torch.no_grad():
        generator = Generator().manual_seed(recipe.seed)
        _, images = best_prior_samples(model, target, config, [generator])
        return fit(images, 64, 64)[0]


def sharpness(images: Tensor) -> float:
    """The 99th percentile of the differences between neighbouring pixels."""
    return float(images.diff(dim=3).abs().amax(1).flatten().quantile(0.99))


@pytest.mark.slow
def test_a_variation_is_as_sharp_as_its_image(picturebook: Model) -> None:
    quick = override(PICTUREBOOK, {"init.prior_samples": 1, "cutouts.count": 2})
    recipe = Recipe.make("a cat", width=128, height=128, steps=2, seed=0)
    renderer = Renderer(picturebook, CPU, quick)
    renderer.add(RenderRequest(1, recipe))
    (output,) = renderer.step()
    varied = recipe.model_copy(update={"seed": 1, "source": Source(job=1, row=0, spread=0.2)})
    renderer.add(RenderRequest(2, varied, source=output.checkpoint()))
    variation = next(each for each in renderer.step() if each.job_id == 2)
    assert (variation.pixels - output.pixels).abs().max() > 0.1
    assert sharpness(variation.pixels) > 0.85 * sharpness(output.pixels)


@pytest.mark.slow
def test_the_prior_draws_the_includes_and_leaves_out_the_excludes(
    sketch: Model, make_recipe: RecipeFactory
) -> None:
    day = best_sample(sketch, make_recipe("green hills under a blue sky"))
    sky, land = day[:, :20].mean((1, 2)), day[:, -12:].mean((1, 2))
    assert sky.argmax() == 2
    assert land.argmax() == 1
    night = best_sample(sketch, make_recipe("hills at night"))
    assert night.mean() < 0.6 * day.mean()
    included, excluded = (
        sketch.perceptor.embed_images(
            best_sample(sketch, make_recipe("a house and snow", exclude))[None]
        )
        @ sketch.perceptor.embed_texts(["a house"]).t()
        for exclude in ("", "house")
    )
    assert excluded < included


@pytest.mark.slow
def test_the_same_seed_gives_the_same_start(sketch: Model, make_recipe: RecipeFactory) -> None:
    first, again, other = (
        best_sample(sketch, make_recipe("a red star", seed=seed), QUICK) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@given(st.integers(8, 80), st.integers(8, 80))
def test_circles_stay_round_at_any_size(width: int, height: int) -> None:
    image = torch.rand(1, 3, 8, 8, generator=Generator().manual_seed(0))
    fitted, side = fit(image, width, height), min(width, height)
    assert fitted.shape == (1, 3, height, width)
    left, top = (width - side) // 2, (height - side) // 2
    middle = fitted[..., top : top + side, left : left + side]
    assert torch.equal(middle, fit(image, side, side))
    assert torch.equal(fitted[..., 0, 0], middle[..., 0, 0])


def test_a_job_that_starts_from_a_sample_takes_smaller_steps(
    sketch: Model, make_recipe: RecipeFactory
) -> None:
    config = override(SKETCH, {"prior.lr_ratio": 0.25, "init.prior_samples": 1})
    rate = config.schedule.learning_rate
    image = Image.new("RGB", (32, 32))
    for recipe, expected in (
        (make_recipe(), 0.25 * rate),
        (make_recipe("a red star -> a blue star"), rate),
        (make_recipe(initial="0" * 64), rate),
    ):
        target = objective.embed_target(recipe, {}, sketch.perceptor, config.loss, CPU)
        request = RenderRequest(1, recipe, images={"0" * 64: image})
        job = start(request, target, sketch, config, CPU)
        assert job.config.schedule.learning_rate == expected
