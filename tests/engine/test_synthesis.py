"""The same recipe and seed give the same image in every version of the method.

The images in `golden/` were rendered before the method was rewritten in its present form. On one
machine most renders are equal to the last bit; sums that are taken in another order, on another
processor or in another batch, move a few pixels.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.recipe import Recipe
from engine.models.model import Model, load_model
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.synthesis.conftest import CPU, paint

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parent / "golden"
NAME = "a" * 64
TOLERANCE = 0.03  #: mean absolute difference, pixels from 0 to 1; another image differs by 0.1


@pytest.fixture(scope="module")
def sketch(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model("sketch", tmp_path_factory.mktemp("data"), CPU)


def recipe(include: str, exclude: str = "", **values: object) -> Recipe:
    defaults = {"width": 64, "height": 64, "steps": 24, "seed": 7}
    return Recipe.make(include, exclude, **{**defaults, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "asked", "prior"),
    [
        ("circle", recipe("a red circle on a white background", steps=40), True),
        ("initial", recipe("the sea at sunset", strength=0.5, initial=NAME), True),
        ("noprior", recipe("a blue star on a yellow background", "red"), False),
    ],
)
def test_a_render_is_what_it_was(sketch: Model, name: str, asked: Recipe, prior: bool) -> None:
    renderer = Renderer(sketch if prior else replace(sketch, prior=None), CPU)
    renderer.add(RenderRequest(1, asked, {NAME: Image.new("RGB", (80, 64), "gray")}))
    rendered = np.asarray(paint(renderer)[-1].images()[0], float) / 255
    expected = np.asarray(Image.open(GOLDEN / f"{name}.png"), float) / 255
    assert np.abs(rendered - expected).mean() < TOLERANCE
