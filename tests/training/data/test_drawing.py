"""Drawings: a scene always looks the same, and outlines fill their box."""

import pytest
from hypothesis import given, settings

from tests.training.data.test_drawn_scenes import scenes
from training.data.drawing import draw, outline
from training.data.drawn_scenes import SHAPES, Scene


@given(scenes)
@settings(max_examples=60, deadline=None)
def test_a_scene_always_looks_the_same(scene: Scene) -> None:
    picture = draw(scene)
    assert picture.size == (64, 64)
    assert picture.mode == "RGB"
    assert picture.tobytes() == draw(scene).tobytes()


@pytest.mark.parametrize("shape", SHAPES)
def test_outlines_fill_their_box(shape: str) -> None:
    reach = max(abs(value) for ring in outline(shape) for point in ring for value in point)
    assert 0.85 <= reach <= 1.1


def test_an_unknown_shape_is_named() -> None:
    with pytest.raises(ValueError, match="no shape 'blob'"):
        outline("blob")
