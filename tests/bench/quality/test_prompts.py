"""Held-out prompts use known words in phrasings that no caption has."""

from collections import Counter
from random import Random

import pytest

from bench.quality.prompts import KINDS, BenchmarkPrompt, held_out, practice
from training.data.drawn_captions import caption
from training.data.drawn_scenes import COLOURS, SHAPES, Scene, facts, random_scene
from training.sketch.vocabulary import words_of_captions


@pytest.fixture(scope="module")
def prompts() -> list[BenchmarkPrompt]:
    return held_out()


def test_there_are_enough_prompts_and_no_two_are_the_same(prompts: list[BenchmarkPrompt]) -> None:
    assert len({prompt.include for prompt in prompts}) >= 165
    assert {prompt.kind for prompt in prompts} == set(KINDS)
    assert len({(prompt.include, prompt.exclude) for prompt in prompts}) == len(prompts)


def test_practice_prompts_are_not_held_out(prompts: list[BenchmarkPrompt]) -> None:
    practice_prompts = practice()
    assert len({prompt.include for prompt in practice_prompts}) == 33
    assert not {prompt.include for prompt in practice_prompts} & {
        prompt.include for prompt in prompts
    }


def test_the_model_knows_every_word(prompts: list[BenchmarkPrompt]) -> None:
    words = {
        w
        for prompt in prompts
        for w in f"{prompt.include} {prompt.exclude}".replace(",", " ,").split()
    }
    assert words <= words_of_captions()


@pytest.mark.slow
def test_no_training_caption_is_a_held_out_prompt(prompts: list[BenchmarkPrompt]) -> None:
    """Neither for random scenes nor for the scenes that the prompts describe."""
    random = Random("captions in search of a prompt")
    texts = {prompt.include for prompt in prompts}
    for _ in range(15_000):
        assert caption(random_scene(random), random).text not in texts
    for prompt in prompts:
        for _ in range(1_000):
            assert caption(prompt.scene, random).text not in texts


def test_what_a_prompt_names_is_true_of_its_scene(prompts: list[BenchmarkPrompt]) -> None:
    for prompt in prompts:
        assert prompt.named <= facts(prompt.scene), prompt.include
        assert not prompt.exclude or prompt.exclude not in facts(prompt.scene)


def test_shapes_and_colours_are_spread_evenly(prompts: list[BenchmarkPrompt]) -> None:
    figures = [prompt.scene.figures[0] for prompt in prompts if prompt.kind == "single"]
    assert set(Counter(figure.colour for figure in figures).values()) == {7}
    assert {figure.colour for figure in figures} == COLOURS.keys()
    assert {figure.shape for figure in figures} == set(SHAPES)
    assert set(Counter(figure.shape for figure in figures).values()) == {11}


def test_each_prompt_with_an_exclude_follows_the_same_one_without(
    prompts: list[BenchmarkPrompt],
) -> None:
    for limit in (None, 20, 45):
        excluding = [prompt for prompt in held_out(limit) if prompt.kind in ("watermark", "colour")]
        for without_exclude, with_exclude in zip(excluding[::2], excluding[1::2], strict=True):
            assert without_exclude.include == with_exclude.include
            assert without_exclude.exclude == ""
            assert with_exclude.exclude in facts(without_exclude.scene)


def test_a_limit_keeps_every_kind() -> None:
    kinds = Counter(prompt.kind for prompt in held_out(40))
    assert kinds.keys() == Counter(prompt.kind for prompt in held_out()).keys()
    assert 34 <= kinds.total() <= 46


def test_every_prompt_has_a_scene() -> None:
    assert all(isinstance(prompt.scene, Scene) for prompt in held_out(20))
