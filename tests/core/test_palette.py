"""Palettes as members type them, and palettes of images."""

import pytest
from PIL import Image

from core.palette import IMAGE_COLOURS, PALETTES, palette_of, parse_palette, rgb
from core.prompts import RecipeError
from core.recipe import Recipe


@pytest.mark.parametrize(
    ("text", "colours"),
    [
        ("navy #FF8800, fff", ("#000080", "#ff8800", "#ffffff")),
        ("gameboy", PALETTES["gameboy"]),
        ("Sepia white", (*PALETTES["sepia"], "#ffffff")),
        ("red red #f00 blue", ("#ff0000", "#0000ff")),
    ],
)
def test_names_hex_values_and_named_palettes_are_parsed(
    text: str, colours: tuple[str, ...]
) -> None:
    assert parse_palette(text) == colours


@pytest.mark.parametrize("text", ["", "red", "pico-8 navy", "#f00 red"])
def test_a_palette_has_two_to_sixteen_colours(text: str) -> None:
    with pytest.raises(RecipeError, match="2 to 16 colours"):
        parse_palette(text)
    with pytest.raises(RecipeError, match="2 to 16 colours"):
        Recipe.make("moss", width=64, height=64, steps=10, palette=("#ff0000",))


@pytest.mark.parametrize("wrong", ["mauvish", "#ff00", "rgb(1,2,3)", "#gggggg"])
def test_the_error_points_at_an_unknown_colour(wrong: str) -> None:
    with pytest.raises(RecipeError, match="neither a colour") as caught:
        parse_palette(f"navy {wrong}")
    assert caught.value.position == 5


def test_the_palette_of_an_image_starts_with_its_most_frequent_colour() -> None:
    image = Image.new("RGB", (40, 40), "#102030")
    image.paste("#f0e0d0", (0, 0, 40, 10))
    assert palette_of(image) == ("#102030", "#f0e0d0")
    assert len(palette_of(Image.effect_noise((64, 64), 90).convert("RGB"))) <= IMAGE_COLOURS
    assert rgb("#ff8000") == pytest.approx((1, 0.502, 0), abs=0.001)
