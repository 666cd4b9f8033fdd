"""Repainting a part leaves every pixel outside it unchanged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.recipe import Recipe
from core.regions import Region
from core.repaint import Move, Repaint
from engine.inpainting import Inpainting
from tests.any_recipe import ANY_REGION

BASE, MASK = "a" * 64, "b" * 64
SIZES = st.tuples(st.integers(16, 96), st.integers(16, 96))


def recipe(repaint: Repaint, width: int = 32, height: int = 32) -> Recipe:
    return Recipe.make(
        "a red circle", width=width, height=height, steps=3, seed=7, initial=BASE, repaint=repaint
    )


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def outside(regions: tuple[Region, ...], width: int, height: int) -> np.ndarray:
    unchanged = np.ones((height, width), bool)
    for region in regions:
        left, top, right, bottom = region.pixels(width, height)
        unchanged[top:bottom, left:right] = False
    return unchanged


@given(st.lists(ANY_REGION, min_size=1, max_size=4).map(tuple), SIZES)
@settings(deadline=None)
def test_no_byte_changes_outside_the_regions(
    regions: tuple[Region, ...], size: tuple[int, int]
) -> None:
    base, painted = noise(*size), noise(*size, seed=2)
    part = Inpainting.of(recipe(Repaint(regions)), {BASE: base}, size)
    assert part
    result, unchanged = np.asarray(part.composite(painted)), outside(regions, *size)
    assert (result[unchanged] == np.asarray(base)[unchanged]).all()
    inside = np.asarray(part.mask) == 255
    assert (result[inside] == np.asarray(painted)[inside]).all()


def test_a_whole_image_is_rendered_to_its_edges() -> None:
    part = Inpainting.of(recipe(Repaint((Region(0, 0, 100, 100),))), {BASE: noise(9, 9)}, (9, 9))
    assert part
    assert part.mask.getextrema() == (255, 255)


@pytest.mark.parametrize("move", Move)
@given(size=SIZES)
@settings(deadline=None, max_examples=20)
def test_a_move_keeps_the_visible_part_of_the_image(move: Move, size: tuple[int, int]) -> None:
    width, height = size
    base = noise(*size)
    part = Inpainting.of(recipe(Repaint(move=move)), {BASE: base}, size)
    assert part
    result = np.asarray(part.composite(noise(*size, seed=2)))
    pixels, across, down = np.asarray(base), round(width / 2), round(height / 2)
    match move:
        case Move.ZOOM_OUT:
            kept = (slice(down // 2, down // 2 + height - down), slice(across // 2, None))
            shown = np.asarray(
                base.resize((width - across, height - down), Image.Resampling.LANCZOS)
            )
            assert (result[kept][:, : width - across] == shown).all()
        case Move.LEFT:
            assert (result[:, across:] == pixels[:, : width - across]).all()
        case Move.RIGHT:
            assert (result[:, : width - across] == pixels[:, across:]).all()
        case Move.UP:
            assert (result[down:] == pixels[: height - down]).all()
        case Move.DOWN:
            assert (result[: height - down] == pixels[down:]).all()
    assert part.mask.getextrema()[1] == 255
