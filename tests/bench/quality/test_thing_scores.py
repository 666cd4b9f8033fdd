"""The scores of `bench.quality.things`, with a judge that sees only colours."""

import pytest
import torch
from torch import Tensor

from bench.quality.thing_requests import Request
from bench.quality.thing_scores import (
    border,
    nearest_colour,
    patches,
    ranks,
    score_images,
    show_one_thing,
)
from training.data.images import SIDE

COLOURS = torch.eye(3)  # the things red, green and blue
RED, GREEN, BLUE = range(3)


OTHERS = 22  #: things that the judge finds weakly in every image


class ColourJudge:
    """Finds things by the mean colour of what isn't white."""

    def similarity(self, images: Tensor) -> Tensor:
        shown = (images.amin(1, keepdim=True) < 0.9).float()
        mean = (images * shown).sum((2, 3)) / shown.sum((2, 3)).clamp(min=1)
        return torch.cat([mean @ COLOURS, torch.full((len(images), OTHERS), 0.1)], 1)


def square(thing: int, left: int, image: Tensor | None = None) -> Tensor:
    """An image on white with a coloured square that starts at this column."""
    image = torch.ones(3, SIDE, SIDE) if image is None else image.clone()
    third = SIDE // 3
    image[:, third : 2 * third, left : left + third] = COLOURS[thing][:, None, None]
    return image


MIDDLE, RIGHT = SIDE // 3, 2 * SIDE // 3


def test_a_rank_counts_the_things_that_rank_higher() -> None:
    image = square(RED, 0, square(GREEN, MIDDLE))
    image[:, : SIDE // 3, : SIDE // 3] = COLOURS[RED][:, None, None]
    requests = [Request("en", "", (thing,)) for thing in (RED, GREEN, BLUE)]
    assert ranks(ColourJudge(), requests, image.expand(3, -1, -1, -1)) == [0, 1, 2 + OTHERS]


def test_two_things_must_be_in_different_halves() -> None:
    requests = [Request("two", "", (RED, GREEN))]
    measure = "two things: both (top 10 of halves)"

    different_things = square(RED, 0, square(GREEN, RIGHT))[None]
    same_thing = square(RED, 0, square(RED, RIGHT))[None]
    assert score_images(ColourJudge(), requests, different_things)[measure] == [True]
    assert score_images(ColourJudge(), requests, same_thing)[measure] == [False]


def test_a_ground_counts_with_its_thing() -> None:
    image = square(GREEN, MIDDLE)
    for edge in (image[:, :2], image[:, -2:], image[:, :, :2], image[:, :, -2:]):
        edge[:] = COLOURS[RED][:, None, None]
    requests = [Request("ground", "", (GREEN,), ground=ground) for ground in ("red", "blue")]
    found = score_images(ColourJudge(), requests, image.expand(2, -1, -1, -1))
    assert found["on a ground: ground"] == [True, False]
    assert found["on a ground: both"] == [True, False]


@pytest.mark.parametrize(("lefts", "count"), [((), 0), ((MIDDLE,), 1), ((0, RIGHT), 2)])
def test_patches_are_counted(lefts: tuple[int, ...], count: int) -> None:
    image = torch.ones(3, SIDE, SIDE)
    for left in lefts:
        image[:, MIDDLE : MIDDLE + SIDE // 3, left : left + SIDE // 4] = 0
    assert patches(image) == count
    requests = [Request("en", "", (RED,)), Request("two", "", (RED, GREEN))]
    assert show_one_thing(requests, image.expand(2, -1, -1, -1)) == [count == 1]


def test_the_colour_of_a_border_is_that_of_most_of_it() -> None:
    image = torch.zeros(3, SIDE, SIDE)
    image[2] = 1.0
    image[:, :2, : SIDE // 4] = 0.5
    assert nearest_colour(border(image)) == "blue"
