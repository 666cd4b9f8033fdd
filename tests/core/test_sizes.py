"""Sizes as members type them, and aspect ratios at a constant area."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.prompts import RecipeError
from core.recipe import Recipe
from core.sizes import MAX_RATIO, MAX_SIDE, MIN_SIDE, Canvas, fit_ratio, parse_size

SKETCH, IMAGENET = Canvas(64, 4), Canvas(256, 16)


@pytest.mark.parametrize("text", ["64x96", "64×96", " 64 X 96 "])
def test_a_size_in_pixels_is_parsed(text: str) -> None:
    assert parse_size(text) == parse_size(text, SKETCH) == (64, 96)


@pytest.mark.parametrize("text", ["", "64", "huge", "64x", "-64x64", "8x64", "64x99999", "6e1x64"])
def test_an_invalid_size_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="pixels"):
        parse_size(text, SKETCH)


@pytest.mark.parametrize(
    ("text", "canvas", "size"),
    [
        ("1:1", SKETCH, (64, 64)),
        ("16:9", SKETCH, (84, 48)),
        ("16:9", IMAGENET, (336, 192)),
        (" 21 : 9 ", IMAGENET, (384, 160)),
        ("3:4", IMAGENET, (224, 288)),
        ("2.35:1", IMAGENET, (384, 160)),
    ],
)
def test_an_aspect_ratio_becomes_a_size_for_the_canvas(
    text: str, canvas: Canvas, size: tuple[int, int]
) -> None:
    assert parse_size(text, canvas) == size


@pytest.mark.parametrize("text", ["0:1", "5:1", "1:5", "0:0", "9999:1"])
def test_extreme_ratios_are_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="from 1:4 to 4:1"):
        parse_size(text, SKETCH)


def test_an_aspect_ratio_needs_a_canvas() -> None:
    with pytest.raises(RecipeError, match="pixels"):
        parse_size("16:9")


@given(st.floats(1 / MAX_RATIO, MAX_RATIO), st.sampled_from([SKETCH, IMAGENET, Canvas(256, 8)]))
def test_any_ratio_has_the_area_of_the_square_except_for_rounding(
    ratio: float, canvas: Canvas
) -> None:
    width, height = fit_ratio(ratio, canvas)
    assert width % canvas.factor == height % canvas.factor == 0
    assert canvas.side**2 * 0.75 <= width * height <= canvas.side**2
    for length, ideal in ((width, ratio**0.5), (height, ratio**-0.5)):
        assert abs(length - canvas.side * ideal) < canvas.factor
    assert fit_ratio(1 / ratio, canvas) == pytest.approx((height, width), abs=canvas.factor)
    assert math.prod(parse_size(f"{width}x{height}")) == width * height


@given(st.integers(MIN_SIDE, MAX_SIDE), st.integers(MIN_SIDE, MAX_SIDE))
def test_the_size_of_a_recipe_can_be_parsed(width: int, height: int) -> None:
    recipe = Recipe.make("a", width=width, height=height, steps=1)
    assert parse_size(recipe.size) == (width, height)
