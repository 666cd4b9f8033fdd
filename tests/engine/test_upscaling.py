"""Finished images are enlarged sharply; tiles still repeat, and symmetries stay exact."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.pattern import Symmetry, Tile
from core.sizes import MAX_SIDE, MIN_SIDE
from engine.upscaling import enlarged, upscaled
from tests.engine.synthesis.test_appearance import OPERATIONS

sides = st.integers(MIN_SIDE, MAX_SIDE)


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 90).convert("RGB")


@given(sides, sides)
def test_enlarged_keeps_the_aspect_ratio_and_reaches_the_side(width: int, height: int) -> None:
    shown = enlarged(Image.new("RGB", (width, height)), side=64)
    assert max(shown.size) >= 64
    assert shown.width * height == shown.height * width
    assert max(width, height) >= 64 or max(shown.size) < 64 + max(width, height)


@pytest.mark.parametrize("tile", Tile)
@given(across=st.integers(0, 30), down=st.integers(0, 20))
def test_a_tile_is_enlarged_as_if_it_repeated(tile: Tile, across: int, down: int) -> None:
    small = np.asarray(noise(30, 20))
    across, down = across * tile.across, down * tile.down
    rolled = enlarged(Image.fromarray(np.roll(small, (down, across), (0, 1))), 90, tile)
    large = np.asarray(enlarged(Image.fromarray(small), 90, tile))
    assert np.array_equal(np.asarray(rolled), np.roll(large, (3 * down, 3 * across), (0, 1)))


@pytest.mark.parametrize(
    ("size", "factor"), [((192, 192), 3), ((256, 144), 2), ((96, 128), 4), ((768, 512), 1)]
)
def test_upscaled_images_are_as_large_as_interpolated_ones(
    size: tuple[int, int], factor: int
) -> None:
    image = noise(*size)
    shown = upscaled(image, "picturebook")
    assert shown.size == (size[0] * factor, size[1] * factor) == enlarged(image).size
    assert (shown.tobytes() == enlarged(image).tobytes()) == (factor == 1)


def test_a_model_without_an_upscaler_interpolates() -> None:
    image = noise(64, 64)
    for model in ("sketch", "imagenet", "unknown"):
        assert upscaled(image, model).tobytes() == enlarged(image).tobytes()


def test_edges_are_sharper_than_interpolated_ones_and_colours_stay() -> None:
    """A blurred black disk on white, as the decoder would paint it."""
    y, x = np.mgrid[:192, :192] - 95.5
    disk = 1 / (1 + np.exp((60 - np.hypot(x, y)) / 1.0))
    image = Image.fromarray((255 * disk[..., None].repeat(3, 2)).astype(np.uint8))
    shown, smooth = (np.asarray(each)[..., 0] for each in (
        upscaled(image, "picturebook"), enlarged(image)))  # fmt: skip
    blurred, interpolated = (int(((each > 30) & (each < 225)).sum()) for each in (shown, smooth))
    assert blurred < 0.7 * interpolated
    assert abs(shown.mean() - smooth.mean()) < 2
    assert shown[288, 288] < 10
    assert shown[10, 10] > 245


@pytest.mark.parametrize("tile", Tile)
@settings(max_examples=3)
@given(across=st.integers(0, 179), down=st.integers(0, 47))
def test_a_tile_is_upscaled_as_if_it_repeated(tile: Tile, across: int, down: int) -> None:
    small = np.asarray(noise(180, 48))
    across, down = across * tile.across, down * tile.down
    rolled = upscaled(Image.fromarray(np.roll(small, (down, across), (0, 1))), "picturebook", tile)
    large = np.asarray(upscaled(Image.fromarray(small), "picturebook", tile)).astype(int)
    moved = np.roll(large, (3 * down, 3 * across), (0, 1))
    assert np.abs(np.asarray(rolled).astype(int) - moved).max() <= 1  # sums in another order


@pytest.mark.parametrize("symmetry", Symmetry)
def test_a_symmetry_is_exact_in_the_upscaled_image(symmetry: Symmetry) -> None:
    shown = upscaled(noise(96, 96), "picturebook", symmetry=symmetry)
    pixels = torch.from_numpy(np.array(shown)).movedim(-1, 0)[None]
    for operation in OPERATIONS[symmetry]:
        assert torch.equal(operation(pixels), pixels)
