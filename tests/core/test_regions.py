"""Regions: how they are parsed, and which pixels they cover."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.prompts import RecipeError
from core.regions import NAMES, REGIONS, Region, parse_region
from core.repaint import parse_regions
from tests.any_recipe import ANY_REGION


@given(ANY_REGION, st.integers(1, 300), st.integers(1, 300))
def test_a_region_round_trips_and_is_inside_the_image(
    region: Region, width: int, height: int
) -> None:
    assert parse_region(str(region)) == region
    left, top, right, bottom = region.pixels(width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


@given(st.integers(1, 100))
def test_two_halves_cover_each_pixel_once(side: int) -> None:
    width, height = 2 * side, side + 1
    left, right = (REGIONS[name].pixels(width, height) for name in ("left", "right"))
    assert (left[0], left[2], right[2]) == (0, right[0], width)
    top, bottom = (REGIONS[name].pixels(height, width) for name in ("top", "bottom"))
    assert (top[1], top[3], bottom[3]) == (0, bottom[1], width)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("left", "left"),
        (" Rechts , OBEN", "right top"),
        ("center", "centre"),
        ("0 0 50 100", "left"),
        ("10% 20% 60% 80%", "10 20 60 80"),
        ("left, left", "left"),
        ("左 | 下", "left bottom"),
    ],
)
def test_regions_are_parsed(text: str, expected: str) -> None:
    assert " ".join(map(str, parse_regions(text))) == expected


@pytest.mark.parametrize(
    ("text", "position"),
    [("left, foo", 6), ("60 20 10 80", 0), ("0 0 50 101", 0), ("left,", 4), ("right 10", 0)],
)
def test_the_error_points_at_an_invalid_region(text: str, position: int) -> None:
    with pytest.raises(RecipeError, match="A region is left") as caught:
        parse_regions(text)
    assert caught.value.position == position


def test_regions_are_limited_and_all_have_names() -> None:
    with pytest.raises(RecipeError, match="up to 4"):
        parse_regions("left, right, top, bottom, centre")
    assert set(NAMES.values()) == set(REGIONS)
