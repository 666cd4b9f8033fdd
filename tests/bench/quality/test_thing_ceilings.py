"""Real images are composed as requested, and judged like rendered ones."""

import numpy as np
import torch

from bench.quality.thing_ceilings import UNSEEN_SETS, ceilings, real_images
from bench.quality.thing_requests import Request
from bench.quality.thing_scores import border, nearest_colour
from training.data.concepts import Concept
from training.data.images import SIDE, Images
from training.judges.prototypes import hits

RED, BLUE, UNSHOWN = 0, 1, 2


def _images() -> Images:
    """Two things by one maker: a red square and a blue one."""
    pixels = np.zeros((2, SIDE, SIDE, 4), np.uint8)
    pixels[RED, 32:-32, 32:-32] = (220, 0, 0, 255)
    pixels[BLUE, 32:-32, 32:-32] = (0, 0, 220, 255)
    names = ("red square", "blue square", "unshown")
    concepts = [Concept(name, 0, {"en": name}, {}) for name in names]
    return Images(pixels, np.arange(2), np.zeros(2, int), ["", ""], list(UNSEEN_SETS), concepts)


class RedBlueJudge:
    """A judge that recognises the red and the blue square by their colours."""

    def similarity(self, images: torch.Tensor) -> torch.Tensor:
        red = ((images[:, 0] > 0.7) & (images[:, 2] < 0.1)).float().mean((1, 2))
        blue = ((images[:, 2] > 0.7) & (images[:, 0] < 0.1)).float().mean((1, 2))
        others = -torch.ones(len(images), 30)
        return torch.cat([torch.stack([red, blue], 1), others], 1)


def test_things_are_placed_on_the_requested_ground() -> None:
    requests = [Request("ground", "", (RED,), ground="green"), Request("en", "", (BLUE,))]
    kept, images = real_images(_images(), requests)
    assert kept == requests
    assert nearest_colour(border(images[0])) == "green"
    assert hits(RedBlueJudge().similarity(images), torch.tensor([RED, BLUE]), 1).all()
    assert ceilings(RedBlueJudge(), kept, images)["on a ground: both"] == 1


def test_two_things_are_placed_side_by_side() -> None:
    _, images = real_images(_images(), [Request("two", "", (RED, BLUE))])
    left, right = images[0].split(SIDE // 2, dim=2)
    assert left[2].min() < 0.1 < 0.8 < left[0].min()
    assert right[0].min() < 0.1 < 0.8 < right[2].min()


def test_things_that_no_unknown_maker_shows_are_left_out() -> None:
    kept, _ = real_images(_images(), [Request("en", "", (UNSHOWN,)), Request("en", "", (RED,))])
    assert [request.things for request in kept] == [(RED,)]
