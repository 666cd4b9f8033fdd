"""Variations of scenes: which facts change, and which stay the same."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.drawing import draw
from training.data.drawn_scenes import (
    Scene,
    facts,
    random_pair,
    random_scene,
    recolourings,
    variations,
)

scenes = st.builds(
    lambda seed, difficulty: random_scene(Random(seed), difficulty),
    st.integers(0, 2**32),
    st.sampled_from((0.0, 0.5, 1.0)),
)


@given(scenes, st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_each_variation_changes_what_is_true_of_the_scene(scene: Scene, seed: int) -> None:
    varied = list(variations(scene, Random(seed)))
    assert len(varied) == 3
    for other in varied:
        assert facts(other) != facts(scene)
        assert other.jitter == scene.jitter


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_recoloured_scenes_show_the_same_figures_in_the_same_colours(seed: int) -> None:
    scene = random_pair(Random(seed))
    others = recolourings(scene)
    assert len(others) == len(set(others)) == 11
    assert scene not in others
    for other in others:
        used = {other.ground, *(figure.colour for figure in other.figures)}
        assert used <= {scene.ground, *(figure.colour for figure in scene.figures)}
        assert all(figure.colour != other.ground for figure in other.figures)
        assert [f.shape for f in other.figures] == [f.shape for f in scene.figures]


@given(scenes)
@settings(max_examples=60, deadline=None)
def test_a_watermark_is_visible_and_a_fact(scene: Scene) -> None:
    bare, marked = replace(scene, watermark=False), replace(scene, watermark=True)
    assert draw(bare).tobytes() != draw(marked).tobytes()
    assert facts(marked) - facts(bare) == {"watermark"}
