"""What a caption claims of a scene stays true in its canonical layout."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from training.data.drawn_captions import caption
from training.data.drawn_scenes import PATTERNS, Figure, Scene, facts, random_scene
from training.sketch.compositions import canonical

UNSEEN = {"watermark", *(f"{pattern} ground" for pattern in PATTERNS)}
"""What a rough image cannot show."""


@given(st.integers(0, 2**32))
def test_claims_stay_true(seed: int) -> None:
    random = Random(seed)
    scene = random_scene(random)
    generated = caption(scene, random)
    composition = canonical(scene, generated.claims, random)
    assert generated.claims - UNSEEN <= facts(composition)
    assert not composition.watermark
    for figure in composition.figures:
        assert figure.colour != composition.ground
        assert figure.radius <= min(figure.x, figure.y, 1 - figure.x, 1 - figure.y)


def test_whatever_is_not_claimed_gets_its_default() -> None:
    scene = Scene((Figure("star", "red", 0.2, 0.2, 0.1),), "purple", "striped", "small", "")
    composition = canonical(scene, frozenset({"red star"}), Random(1))
    (figure,) = composition.figures
    assert (composition.ground, composition.pattern) == ("white", "plain")
    assert abs(figure.x - 0.5) < 0.03
    assert figure.radius > 0.25
    claimed = canonical(scene, frozenset({"red star", "small", "purple ground"}), Random(1))
    assert claimed.ground == "purple"
    assert claimed.figures[0].radius < 0.2
