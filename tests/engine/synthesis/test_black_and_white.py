"""Prompts for black and white get an image without colours."""

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.models.model import Model
from engine.synthesis.config import PICTUREBOOK, override
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.synthesis.conftest import CPU, RecipeFactory, run_job


def colourfulness(images: Tensor) -> float:
    """The mean difference between a pixel's largest and smallest channel, 0 to 1."""
    return float((images.amax(1) - images.amin(1)).mean())


@pytest.mark.slow
@pytest.mark.parametrize("prompt", ["a red apple", "a red apple and a rose on a blue background"])
def test_an_image_in_black_and_white_has_no_colours(
    picturebook: Model, make_recipe: RecipeFactory, prompt: str
) -> None:
    found = []
    for text in (prompt, f"{prompt}, in black and white"):
        renderer = Renderer(picturebook, CPU, override(PICTUREBOOK, {"cutouts.count": 2}))
        renderer.add(RenderRequest(1, make_recipe(text, steps=4, width=96, height=96)))
        (image,) = run_job(renderer)[-1].images()
        found.append(colourfulness(torch.tensor(np.asarray(image)).movedim(2, 0)[None] / 255))
    in_colour, without = found
    assert in_colour > 0.1
    assert without < 0.03
