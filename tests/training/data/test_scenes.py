"""Composed scenes and their captions, from a few drawn images instead of the image sets."""

from random import Random

import numpy as np
import pytest

from training.data.captions import Captions, words
from training.data.concepts import LANGUAGES, Concept
from training.data.images import SIDE, Images
from training.data.scenes import SceneMaker, recoloured
from training.data.sources import sources

NAMES = ("dog", "car", "tree", "hat")


def images() -> Images:
    """Four things by two makers each: coloured discs on a transparent ground."""
    y, x = np.mgrid[:SIDE, :SIDE]
    disc = ((x - SIDE / 2) ** 2 + (y - SIDE / 2) ** 2) < (SIDE * 0.45) ** 2
    pixels = np.zeros((8, SIDE, SIDE, 4), np.uint8)
    for i in range(8):
        pixels[i][disc] = (200, 30 + 20 * i, 40, 255)
    concepts = [
        Concept(
            name, 7, {lang: f"{name}{lang}" for lang in LANGUAGES}, dict.fromkeys(LANGUAGES, ())
        )
        for name in NAMES
    ]
    concepts = [Concept(c.key, c.group, {**c.names, "en": c.key}, c.keywords) for c in concepts]
    return Images(
        pixels=pixels,
        concept=np.arange(8) % 4,
        maker=np.arange(8) // 4,
        titles=[""] * 8,
        makers=[s.name for s in sources().images],
        concepts=concepts,
    )


@pytest.fixture(scope="module")
def maker() -> SceneMaker:
    return SceneMaker(images(), ("noto", "noto-v1"))


def test_the_same_scene_always_looks_the_same(maker: SceneMaker) -> None:
    for seed in range(40):
        scene = maker.scene(Random(seed))
        drawn = maker.draw(scene)
        assert drawn.shape == (SIDE, SIDE, 3)
        assert drawn.dtype == np.uint8
        assert np.array_equal(drawn, maker.draw(scene))


def test_two_things_are_placed_as_their_relation_says(maker: SceneMaker) -> None:
    for seed in range(20):
        scene = maker.pair(Random(seed))
        first, second = scene.things
        offset = (second.x - first.x, second.y - first.y)
        assert offset[0 if scene.relation == "left" else 1] > 0.3


def test_captions_name_every_thing_in_every_language(maker: SceneMaker) -> None:
    captions = Captions(maker)
    concepts = maker.images.concepts
    for seed in range(60):
        random = Random(seed)
        scene = maker.pair(random)
        language = random.choice(LANGUAGES)
        caption = captions.caption(scene, random, language)
        for thing in scene.things:
            concept = concepts[int(maker.images.concept[thing.image])]
            assert concept.name in caption.english
            if language == "ja":  # typos are only made in ASCII letters
                assert concept.names[language] in caption.text


@pytest.mark.parametrize(("colour", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_recoloured_thing_has_the_new_colour_and_the_same_shape(
    colour: str, channel: int
) -> None:
    pixels = images().pixels[0]
    result = recoloured(pixels, colour)
    opaque = pixels[..., 3] > 0
    assert (result[opaque][:, :3].argmax(1) == channel).all()
    assert np.array_equal(result[..., 3], pixels[..., 3])


def test_the_word_tables_have_the_same_entries_in_every_language() -> None:

    english = words()["en"]
    for language in LANGUAGES:
        table = words()[language]
        assert table.keys() == english.keys()
        for part in ("colours", "shapes", "elements", "lands", "numbers", "style"):
            assert table[part].keys() == english[part].keys()
