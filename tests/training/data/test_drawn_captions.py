"""Captions never claim what is not true, and never say what they do not claim."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.drawn_captions import Caption, caption, holds
from training.data.drawn_scenes import COLOURS, SHAPES, SKIES, THINGS, Scene, facts, random_scene

seeds = st.integers(0, 2**32)


def singular(word: str) -> str:
    return {"grey": "gray"}.get(word, word.removesuffix("es" if word == "crosses" else "s"))


def said(scene: Scene, text: str) -> set[str]:
    """What a text says, read word by word without the grammar that wrote it."""
    words = text.replace(",", " ").split()
    found = {"watermark"} & set(words)
    if scene.is_landscape:
        return found | (set(words) & {*SKIES, *THINGS})
    return found | {singular(word) for word in words} & {*COLOURS, *SHAPES}


@given(seeds)
@settings(max_examples=500, deadline=None)
def test_what_a_caption_says_and_claims_is_true(seed: int) -> None:
    random = Random(seed)
    scene = random_scene(random)
    written = caption(scene, random)
    assert written.claims
    assert written.claims <= facts(scene)
    assert said(scene, written.text) <= facts(scene)
    assert ("watermark" in written.text) == ("watermark" in written.claims)
    assert holds(written, facts(scene)) is not False


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_a_caption_is_wrong_for_a_scene_without_what_it_claims(seed: int) -> None:
    random = Random(seed)
    scene, other = random_scene(random), random_scene(random)
    written = caption(scene, random)
    answer = holds(written, facts(other))
    if answer is None:
        assert other.is_landscape
        assert written.claims <= COLOURS.keys()
    else:
        assert answer == written.claims.issubset(facts(other))


def test_a_bare_colour_is_a_matter_of_taste_in_a_landscape() -> None:
    landscape = frozenset({"landscape", "sea", "day"})
    assert holds(Caption("blue", frozenset({"blue"})), landscape) is None
    assert holds(Caption("a red circle", frozenset({"red circle"})), landscape) is False
