"""The sketch model knows the words of its presets."""

from pathlib import Path

import pytest

from core.recipe import Recipe
from core.styles import PRESETS, styles_for
from engine.models.catalogue import find
from engine.models.perceptor import Perceptor, read_perceptor


@pytest.fixture(scope="module")
def perceptor() -> Perceptor:
    entry = find("sketch")
    return read_perceptor(entry.folder(Path()) / entry.clip, entry.fix_command)


@pytest.mark.parametrize("name", styles_for("sketch"))
def test_the_sketch_model_knows_every_word_of_its_presets(name: str, perceptor: Perceptor) -> None:
    recipe = Recipe.make("a castle", preset=name, width=64, height=64, steps=1)
    for prompt in recipe.include[1:] + recipe.exclude:
        assert perceptor.knows(prompt.text)
        assert perceptor.unknown_words(prompt.text) == []


def test_the_sketch_model_does_not_know_all_words_of_the_other_presets(
    perceptor: Perceptor,
) -> None:
    for name in set(PRESETS) - set(styles_for("sketch")):
        assert perceptor.unknown_words(PRESETS[name].include)
