"""Beginnings: rough pictures, and the search for the nearest of them."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor

from engine.synthesis import beginnings
from engine.synthesis.beginnings import TRAITS, rough_pictures


@given(st.integers(0, 2**32 - 1))
def test_rough_pictures_are_pictures(seed: int) -> None:
    traits = torch.rand(6, TRAITS, generator=Generator().manual_seed(seed))
    pictures = rough_pictures(traits, 48, 32)
    assert pictures.shape == (6, 3, 32, 48)
    assert pictures.min() >= 0
    assert pictures.max() <= 1


def redness(traits: Tensor) -> Tensor:
    red, green, blue = rough_pictures(traits, 16, 16).mean((2, 3)).unbind(1)
    return green + blue - red


@given(st.integers(0, 2**32 - 1))
def test_the_search_finds_what_is_near(seed: int) -> None:
    generator = Generator().manual_seed(seed)
    random = torch.rand(64, TRAITS, generator=generator)
    found = beginnings.nearest(redness, 64, spotted=False, generator=generator)
    assert found.shape == (1, TRAITS)
    assert redness(found) < redness(random).quantile(0.1)


@given(st.integers(0, 2**32 - 1))
def test_a_spotted_beginning_has_a_spot(seed: int) -> None:
    def flatness(traits: Tensor) -> Tensor:
        return rough_pictures(traits, 16, 16).std((2, 3)).sum(1)

    generator = Generator().manual_seed(seed)
    plain = beginnings.nearest(flatness, 64, spotted=False, generator=generator)
    spotted = beginnings.nearest(flatness, 64, spotted=True, generator=generator)
    assert plain[0, beginnings.FIRST_IS_THERE] < 1
    assert spotted[0, beginnings.FIRST_IS_THERE] == 1
