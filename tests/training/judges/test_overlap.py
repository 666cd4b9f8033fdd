"""The analytic judge is right on real scenes, so its verdicts on rendered ones count."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageFilter

from training.data.drawing import draw
from training.data.drawn_scenes import COLOURS, SHAPES, Figure, Scene, random_figures
from training.judges.overlap import analyse


def single_figures(seed: str, count: int) -> list[Scene]:
    random = Random(seed)
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = replace(random_figures(random), pattern="plain", watermark=False)
        if len(scene.figures) == 1:
            scenes.append(scene)
    return scenes


def roughened(image: Image.Image, seed: int) -> Image.Image:
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float32)
    noisy = soft + np.random.default_rng(seed).normal(0, 14, soft.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


@pytest.mark.slow
@pytest.mark.parametrize(("is_rough", "least"), [(False, 0.97), (True, 0.93)])
def test_the_judge_names_shape_colour_and_ground_of_real_scenes(
    is_rough: bool, least: float
) -> None:
    scenes = single_figures("fresh for the overlap judge", 200)
    shapes = colours = grounds = 0
    for i, scene in enumerate(scenes):
        image = roughened(draw(scene), i) if is_rough else draw(scene)
        seen, (true,) = analyse(image), scene.figures
        grounds += seen.ground == scene.ground
        shapes += bool(seen.figures) and seen.figures[0].shape == true.shape
        colours += bool(seen.figures) and seen.figures[0].colour == true.colour
    assert min(shapes, colours, grounds) >= least * len(scenes)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_figure_is_measured(shape: str) -> None:
    (found,) = analyse(draw(Scene((Figure(shape, "blue", 0.4, 0.6, 0.3),)))).figures
    assert (found.shape, found.colour) == (shape, "blue")
    assert found.overlap > 0.8
    assert found.x == pytest.approx(0.4, abs=0.03)
    assert found.y == pytest.approx(0.6, abs=0.09)  # the centre of a triangle is lower
    assert 0.05 < found.area < 0.4


def test_figures_that_touch_are_separated_by_colour() -> None:
    figures = (
        Figure("square", "red", 0.3, 0.5, 0.22),
        Figure("circle", "blue", 0.7, 0.5, 0.22),
    )
    seen = analyse(draw(Scene(figures)))
    assert {(f.colour, f.shape) for f in seen.figures} == {("red", "square"), ("blue", "circle")}


@pytest.mark.parametrize("colour", COLOURS)
def test_an_empty_ground_has_no_figures(colour: str) -> None:
    seen = analyse(roughened(Image.new("RGB", (64, 64), COLOURS[colour]), 0))
    assert seen.ground == colour
    assert seen.figures == ()


def test_noise_has_no_shape() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    assert all(figure.shape == "" for figure in analyse(Image.fromarray(noise)).figures)
