"""Whatever a caption says and claims is true of its scene."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.drawn_captions import Caption, caption, holds
from training.data.drawn_scenes import COLOURS, SHAPES, SKIES, THINGS, Scene, facts, random_scene

seeds = st.integers(0, 2**32)


def singular(word: str) -> str:
    return {"grey": "gray"}.get(word, word.removesuffix("es" if word == "crosses" else "s"))


def named(scene: Scene, text: str) -> set[str]:
    """What a text names, read word by word, without the grammar that generated it."""
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
    generated = caption(scene, random)
    assert generated.claims
    assert generated.claims <= facts(scene)
    assert named(scene, generated.text) <= facts(scene)
    assert ("watermark" in generated.text) == ("watermark" in generated.claims)
    assert holds(generated, facts(scene)) is not False


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_a_caption_is_wrong_for_a_scene_without_what_it_claims(seed: int) -> None:
    random = Random(seed)
    scene, other = random_scene(random), random_scene(random)
    generated = caption(scene, random)
    answer = holds(generated, facts(other))
    if answer is None:
        assert other.is_landscape
        assert generated.claims <= COLOURS.keys()
    else:
        assert answer == generated.claims.issubset(facts(other))


def test_a_bare_colour_is_neither_true_nor_false_of_a_landscape() -> None:
    landscape = frozenset({"landscape", "sea", "day"})
    assert holds(Caption("blue", frozenset({"blue"})), landscape) is None
    assert holds(Caption("a red circle", frozenset({"red circle"})), landscape) is False
