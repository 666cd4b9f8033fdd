"""Cutouts: where they lie, and that cutting them together changes nothing."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator

from engine.synthesis import cutouts
from engine.synthesis.method import METHODS

PLAIN = replace(METHODS["sketch"], cutouts=6, noise=0.0, colour=0.0, flip=0.0)
WHOLE = replace(PLAIN, smallest=1.0, largest=1.0)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No turning, so that places can be told exactly."""
    monkeypatch.setattr(cutouts, "TURN", 0.0)


@pytest.mark.usefixtures("still")
def test_the_largest_cutout_is_the_picture() -> None:
    picture = torch.rand(1, 3, 16, 16)
    cuts = cutouts.draw(WHOLE, 16, 16, 16, Generator().manual_seed(0))
    seen = cutouts.cut(picture, [cuts], 16)
    assert seen.shape == (6, 3, 16, 16)
    assert torch.allclose(seen, picture.expand_as(seen), atol=1e-5)


@pytest.mark.usefixtures("still")
def test_a_mirrored_cutout_is_the_mirrored_picture() -> None:
    picture = torch.rand(1, 3, 16, 16)
    always = replace(WHOLE, flip=1.0)
    cuts = cutouts.draw(always, 16, 16, 16, Generator().manual_seed(0))
    seen = cutouts.cut(picture, [cuts], 16)
    assert torch.allclose(seen[0], picture[0].flip(-1), atol=1e-5)


@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(16, 96),
    height=st.integers(16, 96),
    smallest=st.floats(0.1, 0.9),
)
def test_cutouts_are_square_and_inside(seed: int, width: int, height: int, smallest: float) -> None:
    method = replace(PLAIN, smallest=smallest, largest=1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutouts, "TURN", 0.0)
        cuts = cutouts.draw(method, width, height, 8, Generator().manual_seed(seed))
    across, down = cuts.affine[:, 0, 0] * width, cuts.affine[:, 1, 1] * height
    assert torch.allclose(across, down, rtol=1e-4)
    assert (down / min(width, height) >= smallest - 1e-4).all()
    corner = cuts.affine[:, :, 2].abs() + torch.stack([across / width, down / height], 1)
    assert (corner <= 1 + 1e-4).all()


def test_rows_are_cut_together_as_alone() -> None:
    method = METHODS["sketch"]
    pictures = torch.rand(3, 3, 20, 28)
    cuts = [cutouts.draw(method, 28, 20, 12, Generator().manual_seed(s)) for s in range(3)]
    together = cutouts.cut(pictures, cuts, 12)
    alone = [cutouts.cut(pictures[i : i + 1], cuts[i : i + 1], 12) for i in range(3)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)


def test_noise_and_colour_are_as_strong_as_asked() -> None:
    method = replace(METHODS["sketch"], cutouts=64, noise=0.2, colour=0.1)
    cuts = cutouts.draw(method, 32, 32, 16, Generator().manual_seed(3))
    deviations = cuts.noise.flatten(1).std(1)
    assert deviations.max() <= 0.22
    assert 0.07 < deviations.mean() < 0.13
    assert 0.06 < cuts.gain.std() < 0.14


def test_the_gradient_reaches_every_pixel_that_was_seen() -> None:
    picture = torch.rand(1, 3, 16, 16, requires_grad=True)
    cuts = cutouts.draw(PLAIN, 16, 16, 16, Generator().manual_seed(1))
    cutouts.cut(picture, [cuts], 16).sum().backward()
    assert picture.grad is not None
    assert (picture.grad != 0).float().mean() > 0.9
