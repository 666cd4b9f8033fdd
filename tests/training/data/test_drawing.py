"""Drawings: a scene always looks the same, and outlines fill their box."""

import pytest
from hypothesis import given, settings

from tests.training.data.test_drawn_scenes import scenes
from training.data.drawing import draw, outline
from training.data.drawn_scenes import SHAPES, Scene


@given(scenes)
@settings(max_examples=60, deadline=None)
def test_a_scene_always_looks_the_same(scene: Scene) -> None:
    image = draw(scene)
    assert image.size == (64, 64)
    assert image.mode == "RGB"
    assert image.tobytes() == draw(scene).tobytes()


@pytest.mark.parametrize("shape", SHAPES)
def test_outlines_fill_their_box(shape: str) -> None:
    extent = max(abs(value) for ring in outline(shape) for point in ring for value in point)
    assert 0.85 <= extent <= 1.1


def test_the_error_for_an_unknown_shape_names_it() -> None:
    with pytest.raises(ValueError, match="no shape 'blob'"):
        outline("blob")
