"""Held-out prompts use known words as no caption puts them."""

from collections import Counter
from random import Random

import pytest

from bench.quality.prompts import Asked, held_out, practice
from training.data.drawn_captions import caption
from training.data.drawn_scenes import COLOURS, SHAPES, Scene, facts, random_scene
from training.sketch.vocabulary import words_of_captions


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    return held_out()


def test_there_are_enough_and_no_two_alike(asked: list[Asked]) -> None:
    assert len({one.include for one in asked}) >= 165
    assert len({(one.include, one.exclude) for one in asked}) == len(asked)


def test_numbers_are_chosen_by_others(asked: list[Asked]) -> None:
    others = practice()
    assert len({one.include for one in others}) == 33
    assert not {one.include for one in others} & {one.include for one in asked}


def test_the_pair_knows_every_word(asked: list[Asked]) -> None:
    words = {w for one in asked for w in f"{one.include} {one.exclude}".replace(",", " ,").split()}
    assert words <= words_of_captions()


@pytest.mark.slow
def test_training_never_says_them_word_for_word(asked: list[Asked]) -> None:
    """Neither of any scene, nor of the very scenes that the prompts describe."""
    random = Random("captions in search of a prompt")
    prompts = {one.include for one in asked}
    for _ in range(15_000):
        assert caption(random_scene(random), random).text not in prompts
    for one in asked:
        for _ in range(1_000):
            assert caption(one.scene, random).text not in prompts


def test_what_a_prompt_names_is_true_of_its_scene(asked: list[Asked]) -> None:
    for one in asked:
        assert one.named <= facts(one.scene), one.include
        assert not one.exclude or one.exclude not in facts(one.scene)


def test_shapes_and_colours_come_evenly(asked: list[Asked]) -> None:
    figures = [one.scene.figures[0] for one in asked if one.kind == "single"]
    assert set(Counter(figure.colour for figure in figures).values()) == {7}
    assert {figure.colour for figure in figures} == COLOURS.keys()
    assert {figure.shape for figure in figures} == set(SHAPES)
    assert set(Counter(figure.shape for figure in figures).values()) == {11}


def test_excludes_come_beside_the_same_prompt_without(asked: list[Asked]) -> None:
    for number in (None, 20, 45):
        excluding = [one for one in held_out(number) if one.kind in ("watermark", "colour")]
        for without, with_ in zip(excluding[::2], excluding[1::2], strict=True):
            assert without.include == with_.include
            assert without.exclude == ""
            assert with_.exclude in facts(without.scene)


def test_a_limit_keeps_every_kind() -> None:
    kinds = Counter(one.kind for one in held_out(40))
    assert kinds.keys() == Counter(one.kind for one in held_out()).keys()
    assert 34 <= kinds.total() <= 46


def test_the_scene_of_an_excluding_prompt_is_a_scene() -> None:
    assert all(isinstance(one.scene, Scene) for one in held_out(20))
