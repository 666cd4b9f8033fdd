"""Several perceptors as one: its cosines are the weighted means of theirs."""

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
PICTURES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))

Weights = st.floats(1e-3, 1e3)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Perceptor:
    weights = random_open_clip(tmp_path_factory.mktemp("open_clip"))
    return read_open_clip(ARCHITECTURE, str(weights))[0]


def cosines(perceptor: Perceptor, pictures: torch.Tensor) -> torch.Tensor:
    return perceptor.embed_images(pictures) @ perceptor.embed_texts(TEXTS).t()


@pytest.fixture(scope="module")
def apart(sketch: Model, small: Perceptor) -> tuple[torch.Tensor, torch.Tensor]:
    """What each of the two sees by itself."""
    smaller = F.interpolate(PICTURES, (32, 32), mode="bilinear", antialias=True)
    return cosines(sketch.perceptor, PICTURES), cosines(small, smaller)


@settings(max_examples=15)
@given(weights=st.tuples(Weights, Weights))
def test_its_cosines_are_the_weighted_means_of_its_members(
    sketch: Model,
    small: Perceptor,
    apart: tuple[torch.Tensor, torch.Tensor],
    weights: tuple[float, float],
) -> None:
    ensemble = Ensemble(list(zip((sketch.perceptor, small), weights, strict=True)))
    assert ensemble.resolution == 64
    one, other = apart
    expected = (weights[0] * one + weights[1] * other) / sum(weights)
    images, texts = ensemble.embed_images(PICTURES), ensemble.embed_texts(TEXTS)
    torch.testing.assert_close(images @ texts.t(), expected, rtol=1e-4, atol=1e-5)
    for embedded in (images, texts):
        torch.testing.assert_close(embedded.norm(dim=1), torch.ones(len(embedded)))


def test_the_gradient_reaches_the_image_through_every_member(
    sketch: Model, small: Perceptor
) -> None:
    pictures = PICTURES.clone().requires_grad_()
    ensemble = Ensemble([(sketch.perceptor, 1.0), (small, 2.0)])
    apart = ensemble.embed_images(pictures).split([256, 24], dim=1)
    for part in apart:
        (gradient,) = torch.autograd.grad(part[:, 0].sum(), pictures, retain_graph=True)
        assert gradient.abs().sum() > 0


def test_it_knows_what_any_member_knows_and_tells_what_not_every_member_sees(
    sketch: Model, small: Perceptor
) -> None:
    both = Ensemble([(sketch.perceptor, 1.0), (small, 1.0)])
    assert both.words is None
    assert both.knows("unicorn")
    assert both.unknown_words("a red unicorn") == []
    long = "red " * 20
    assert both.truncated_words(long) == small.truncated_words(long) != []
    assert sketch.perceptor.truncated_words(long) == []
    alike = Ensemble([(sketch.perceptor, 1.0), (sketch.perceptor, 1.0)])
    assert alike.words == sketch.perceptor.words
    assert not alike.knows("unicorn")
    assert alike.unknown_words("a red unicorn") == ["unicorn"]


def test_its_members_move_with_it(sketch: Model, small: Perceptor) -> None:
    ensemble = Ensemble([(sketch.perceptor, 1.0), (small, 1.0)])
    assert len(list(ensemble.parameters())) == sum(
        len(list(member.parameters())) for member in (sketch.perceptor, small)
    )


def test_one_member_alone_sees_as_by_itself(sketch: Model) -> None:
    torch.testing.assert_close(
        cosines(Ensemble([(sketch.perceptor, 3.0)]), PICTURES), cosines(sketch.perceptor, PICTURES)
    )
