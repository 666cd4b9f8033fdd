"""Which colour the colours benchmark sees, and which things it requests."""

from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image

from bench.quality.colours import choose, main_colour
from core.understanding.vocabulary import vocabulary_of


def test_the_main_colour_is_that_of_most_pixels_outside_the_background() -> None:
    image = Image.new("RGB", (192, 192), "white")
    image.paste((40, 80, 200), (40, 40, 150, 150))
    image.paste((210, 40, 40), (60, 60, 90, 90))
    assert main_colour(image) == "blue"
    assert main_colour(Image.new("RGB", (192, 192), "white")) == ""


def test_things_with_a_colour_in_their_name_are_not_requested() -> None:
    names = ["cat", "red apple", "black cat", "unknown thing", "dog"]
    judge: Any = SimpleNamespace(known=torch.tensor([True, True, True, True, False]))
    assert choose(names, judge, vocabulary_of("picturebook"), 1) == [0]
