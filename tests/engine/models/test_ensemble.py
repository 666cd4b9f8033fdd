"""Several perceptors as one, whose cosines are the weighted means of theirs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from engine.models.ensemble import Ensemble
from engine.models.model import Model
from engine.models.open_clip import read_open_clip
from engine.models.perceptor import Perceptor
from tests.engine.random_open_clip import ARCHITECTURE, random_open_clip

TEXTS = ["a red circle", "fog", "a house under the moon"]
IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))

Weights = st.floats(1e-3, 1e3)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Perceptor:
    weights = random_open_clip(tmp_path_factory.mktemp("open_clip"))
    return read_open_clip(ARCHITECTURE, str(weights))[0]


def cosines(perceptor: Perceptor, images: torch.Tensor) -> torch.Tensor:
    return perceptor.embed_images(images) @ perceptor.embed_texts(TEXTS).t()


@pytest.fixture(scope="module")
def separate_cosines(sketch: Model, small: Perceptor) -> tuple[torch.Tensor, torch.Tensor]:
    """The cosines of each of the two by itself."""
    smaller = F.interpolate(IMAGES, (32, 32), mode="bilinear", antialias=True)
    return cosines(sketch.perceptor, IMAGES), cosines(small, smaller)


@settings(max_examples=15)
@given(weights=st.tuples(Weights, Weights))
def test_the_cosines_of_an_ensemble_are_the_weighted_means_of_its_members(
    sketch: Model,
    small: Perceptor,
    separate_cosines: tuple[torch.Tensor, torch.Tensor],
    weights: tuple[float, float],
) -> None:
    ensemble = Ensemble(list(zip((sketch.perceptor, small), weights, strict=True)))
    assert ensemble.resolution == 64
    one, other = separate_cosines
    expected = (weights[0] * one + weights[1] * other) / sum(weights)
    images, texts = ensemble.embed_images(IMAGES), ensemble.embed_texts(TEXTS)
    torch.testing.assert_close(images @ texts.t(), expected, rtol=1e-4, atol=1e-5)
    for embedded in (images, texts):
        torch.testing.assert_close(embedded.norm(dim=1), torch.ones(len(embedded)))


def test_the_gradient_reaches_the_image_through_every_member(
    sketch: Model, small: Perceptor
) -> None:
    images = IMAGES.clone().requires_grad_()
    ensemble = Ensemble([(sketch.perceptor, 1.0), (small, 2.0)])
    parts = ensemble.embed_images(images).split([256, 24], dim=1)
    for part in parts:
        (gradient,) = torch.autograd.grad(part[:, 0].sum(), images, retain_graph=True)
        assert gradient.abs().sum() > 0


def test_an_ensemble_knows_what_any_member_knows_and_reports_what_any_member_truncates(
    sketch: Model, small: Perceptor
) -> None:
    both = Ensemble([(sketch.perceptor, 1.0), (small, 1.0)])
    assert both.words is None
    assert both.knows("unicorn")
    assert both.unknown_words("a red unicorn") == []
    long = "red " * 20
    assert both.truncated_words(long) == small.truncated_words(long) != []
    assert sketch.perceptor.truncated_words(long) == []
    same_twice = Ensemble([(sketch.perceptor, 1.0), (sketch.perceptor, 1.0)])
    assert same_twice.words == sketch.perceptor.words
    assert not same_twice.knows("unicorn")
    assert same_twice.unknown_words("a red unicorn") == ["unicorn"]


def test_an_ensemble_has_the_parameters_of_all_its_members(sketch: Model, small: Perceptor) -> None:
    ensemble = Ensemble([(sketch.perceptor, 1.0), (small, 1.0)])
    assert len(list(ensemble.parameters())) == sum(
        len(list(member.parameters())) for member in (sketch.perceptor, small)
    )


def test_an_ensemble_of_one_gives_the_same_cosines_as_its_member(sketch: Model) -> None:
    torch.testing.assert_close(
        cosines(Ensemble([(sketch.perceptor, 3.0)]), IMAGES), cosines(sketch.perceptor, IMAGES)
    )
