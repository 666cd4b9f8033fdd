"""What a caption claims stays true of a scene, however it is laid out anew."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from training.data.drawn_captions import caption
from training.data.drawn_scenes import PATTERNS, Figure, Scene, facts, random_scene
from training.sketch.compositions import composed

UNSEEN = {"watermark", *(f"{pattern} ground" for pattern in PATTERNS)}
"""What a rough picture cannot show."""


@given(st.integers(0, 2**32))
def test_what_is_claimed_stays_true(seed: int) -> None:
    random = Random(seed)
    scene = random_scene(random)
    said = caption(scene, random)
    shown = composed(scene, said.claims, random)
    assert said.claims - UNSEEN <= facts(shown)
    assert not shown.watermark
    for figure in shown.figures:
        assert figure.colour != shown.ground
        assert figure.radius <= min(figure.x, figure.y, 1 - figure.x, 1 - figure.y)


def test_what_is_open_is_ordinary() -> None:
    corner = Scene((Figure("star", "red", 0.2, 0.2, 0.1),), "purple", "striped", "small", "")
    shown = composed(corner, frozenset({"red star"}), Random(1))
    (figure,) = shown.figures
    assert (shown.ground, shown.pattern) == ("white", "plain")
    assert abs(figure.x - 0.5) < 0.03
    assert figure.radius > 0.25
    named = composed(corner, frozenset({"red star", "small", "purple ground"}), Random(1))
    assert named.ground == "purple"
    assert named.figures[0].radius < 0.2
