"""Things get the colours that a prompt names, and lose those that it excludes."""

import colorsys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.synthesis.config import RecolouringConfig
from engine.synthesis.recolouring import (
    hsv,
    hue_distance,
    recolour,
    replace_excluded,
    replacement,
    rgb,
    roughness,
    shape_matte,
)

CONFIG = RecolouringConfig()
RED, GREEN, BLUE = (214, 34, 34), (40, 160, 60), (36, 72, 208)
WHITE, BLACK = (246, 246, 246), (20, 20, 20)


def drawn(*stripes: tuple[int, int, int]) -> torch.Tensor:
    """An image (3, 32, 32) of horizontal stripes of equal height."""
    colours = torch.tensor(stripes).float() / 255
    return colours.repeat_interleave(32 // len(stripes), 0).t()[:, :, None].expand(3, 32, 32)


def colour_at(image: torch.Tensor, row: int) -> torch.Tensor:
    return 255 * image[:, row, 16]


MATTE = torch.ones(1, 32, 32)


@given(arrays("float32", (3, 2, 2), elements=st.floats(0, 1, width=32, allow_subnormal=False)))
def test_hsv_agrees_with_the_standard_library_and_can_be_inverted(pixels: object) -> None:
    image = torch.tensor(pixels)
    hue, saturation, value = hsv(image)
    expected = colorsys.rgb_to_hsv(*image[:, 0, 0].tolist())
    found = float(saturation[0, 0]), float(value[0, 0])
    assert found == pytest.approx(expected[1:], abs=1e-4)
    assert hue_distance(hue[0, 0], 360 * expected[0]) < 0.1  # an angle: 0 and 360 are the same
    torch.testing.assert_close(rgb(hue, saturation, value), image, rtol=0, atol=1e-4)


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE])
@pytest.mark.parametrize("own", [(230, 140, 40), WHITE, (120, 120, 120)])
def test_a_thing_gets_another_colour(
    own: tuple[int, int, int], colour: tuple[int, int, int]
) -> None:
    recoloured = colour_at(recolour(drawn(own), MATTE, colour, CONFIG), 16)
    wanted = torch.tensor(colour)
    assert recoloured.argmax() == wanted.argmax()
    assert recoloured.max() - recoloured.min() > 0.5 * (wanted.max() - wanted.min())


def test_white_and_black_things_keep_some_shading() -> None:
    image = drawn((230, 140, 40), (180, 100, 30))
    for colour in (WHITE, BLACK):
        light, dark = (colour_at(recolour(image, MATTE, colour, CONFIG), row) for row in (8, 24))
        assert float(light.max() - light.min()) < 20
        assert light.mean() > dark.mean() + 5
        assert (light.mean() > 128) == (colour == WHITE)


def test_only_the_most_frequent_hue_of_a_thing_changes() -> None:
    rose = drawn(RED, RED, RED, GREEN)
    recoloured = recolour(rose, MATTE, BLUE, CONFIG)
    assert colour_at(recoloured, 8).argmax() == 2
    assert torch.equal(recoloured[:, 26:], rose[:, 26:])


def test_what_is_not_in_the_matte_stays() -> None:
    matte = MATTE.clone()
    matte[:, :16] = 0
    image = drawn(RED)
    for changed in (
        recolour(image, matte, BLUE, CONFIG),
        replace_excluded(image, matte, [RED], CONFIG),
    ):
        assert torch.equal(changed[:, :15], image[:, :15])
        assert not torch.equal(changed[:, 17:], image[:, 17:])


def test_excluded_colours_are_replaced_and_others_stay() -> None:
    brown = (120, 70, 30)
    image = drawn(RED, BLUE, brown, WHITE)
    changed = replace_excluded(image, MATTE, [RED, (255, 140, 10)], CONFIG)
    red, green, blue = colour_at(changed, 4).tolist()
    assert min(red, green) > 2 * blue, "red became yellow"
    for row in (12, 20, 28):
        assert torch.equal(changed[:, row], image[:, row])


def test_black_white_and_no_colour_are_not_replaced() -> None:
    image = drawn(RED, BLUE, WHITE, BLACK)
    assert torch.equal(replace_excluded(image, MATTE, [WHITE, BLACK], CONFIG), image)
    assert torch.equal(replace_excluded(image, MATTE, [], CONFIG), image)


@given(st.sets(st.sampled_from(range(len(CONFIG.hues))), min_size=1, max_size=len(CONFIG.hues) - 1))
def test_no_replacement_is_excluded_itself(excluded: set[int]) -> None:
    assert all(replacement(old, excluded, CONFIG) not in excluded for old in excluded)


@given(st.floats(0.0, 1.0))
def test_the_matte_of_a_shape_grows_from_the_background_to_the_shape(share: float) -> None:
    white, red = torch.tensor(WHITE) / 255, torch.tensor(RED) / 255
    edge = torch.stack([white, white.lerp(red, share), red])[:, None].permute(2, 1, 0)
    outside, between, inside = shape_matte(edge, CONFIG)[0, 0].tolist()
    assert (outside, inside) == (0.0, 1.0)
    assert 0.0 <= between <= 1.0


def test_a_shape_is_rougher_with_ragged_edges_and_none_at_all_without_background() -> None:
    white = torch.full((3, 32, 32), 246 / 255)
    square = white.clone()
    square[:, 8:24, 8:24] = torch.tensor(RED)[:, None, None] / 255
    ragged = square.clone()
    ragged[:, 8:24:2, 20:24] = 246 / 255
    at_edge = square.roll(10, dims=2)
    smooth, rough, *failed = roughness(torch.stack([square, ragged, at_edge, white]), CONFIG)
    assert smooth == pytest.approx(4, abs=0.1)  # four sides, relative to the root of the area
    assert rough > smooth
    assert all(each.isinf() for each in failed)
