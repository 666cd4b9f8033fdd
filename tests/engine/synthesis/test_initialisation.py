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
from engine.synthesis.prior_start import best_of_prior
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.synthesis.conftest import CPU, QUICK, Recipes

CONFIG = override(SKETCH, {"init.candidates": 64})


@given(st.integers(0, 2**32 - 1))
def test_gradients_are_images(seed: int) -> None:
    genes = torch.rand(6, GENES, generator=Generator().manual_seed(seed))
    pictures = gradient_images(genes, 48, 32, SKETCH.init)
    assert pictures.shape == (6, 3, 32, 48)
    assert pictures.min() >= 0
    assert pictures.max() <= 1


def redness(genes: Tensor) -> Tensor:
    red, green, blue = gradient_images(genes, 16, 16, SKETCH.init).mean((2, 3)).unbind(1)
    return green + blue - red


@given(st.integers(0, 2**32 - 1))
def test_the_search_finds_what_is_near(seed: int) -> None:
    generator = Generator().manual_seed(seed)
    random = torch.rand(64, GENES, generator=generator)
    found = evolve(redness, CONFIG.init, generator)[:1]
    assert redness(found) < redness(random).quantile(0.1)


def drawn(model: Model, wanted: Recipe, config: SynthesisConfig = SKETCH) -> Tensor:
    """The best beginning (3, 64, 64), as the renderer has it drawn."""
    target = objective.embed_target(wanted, {}, model.perceptor, config.loss, CPU)
    with torch.no_grad():
        generator = Generator().manual_seed(wanted.seed)
        best = best_of_prior(model, target, config, generator)
        return fit((best + 1) / 2, 64, 64)[0]


def steepness(images: Tensor) -> float:
    """Of the steepest hundredth of the edges."""
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
    assert steepness(variation.pixels) > 0.85 * steepness(output.pixels)


@pytest.mark.slow
def test_the_prior_draws_what_was_asked_for_and_leaves_out_what_was_not(
    sketch: Model, recipe: Recipes
) -> None:
    day = drawn(sketch, recipe("green hills under a blue sky"))
    sky, land = day[:, :20].mean((1, 2)), day[:, -12:].mean((1, 2))
    assert sky.argmax() == 2
    assert land.argmax() == 1
    night = drawn(sketch, recipe("hills at night"))
    assert night.mean() < 0.6 * day.mean()
    built, bare = (
        sketch.perceptor.embed_images(drawn(sketch, recipe("a house and snow", no))[None])
        @ sketch.perceptor.embed_texts(["a house"]).t()
        for no in ("", "house")
    )
    assert bare < built


@pytest.mark.slow
def test_one_seed_draws_one_beginning(sketch: Model, recipe: Recipes) -> None:
    first, again, other = (
        drawn(sketch, recipe("a red star", seed=seed), QUICK) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@given(st.integers(8, 80), st.integers(8, 80))
def test_what_is_round_stays_round_in_any_frame(width: int, height: int) -> None:
    picture = torch.rand(1, 3, 8, 8, generator=Generator().manual_seed(0))
    framed, side = fit(picture, width, height), min(width, height)
    assert framed.shape == (1, 3, height, width)
    left, top = (width - side) // 2, (height - side) // 2
    middle = framed[..., top : top + side, left : left + side]
    assert torch.equal(middle, fit(picture, side, side))
    assert torch.equal(framed[..., 0, 0], middle[..., 0, 0])


def test_what_starts_as_a_sample_takes_smaller_steps(sketch: Model, recipe: Recipes) -> None:
    config = override(SKETCH, {"prior.lr_ratio": 0.25, "init.prior_samples": 1})
    rate = config.schedule.learning_rate
    image = Image.new("RGB", (32, 32))
    for made, expected in (
        (recipe(), 0.25 * rate),
        (recipe("a red star -> a blue star"), rate),
        (recipe(initial="0" * 64), rate),
    ):
        target = objective.embed_target(made, {}, sketch.perceptor, config.loss, CPU)
        request = RenderRequest(1, made, images={"0" * 64: image})
        job = start(request, target, sketch, config, CPU)
        assert job.config.schedule.learning_rate == expected
