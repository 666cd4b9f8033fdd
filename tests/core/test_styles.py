"""Presets: prompts with small weights that are added to a recipe."""

from typing import Any

import pytest

from core.prompts import MAX_PROMPT_LENGTH, MAX_PROMPTS, Prompt, RecipeError
from core.recipe import Recipe
from core.styles import PRESETS, styles_for

PLAIN: dict[str, Any] = {"width": 64, "height": 64, "steps": 150, "seed": 7}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_adds_prompts_with_small_weights(name: str) -> None:
    recipe = Recipe.make("a castle | fog:0.5", "watermark", **PLAIN)
    styled = Recipe.make("a castle | fog:0.5", "watermark", preset=name, **PLAIN)
    assert styled.preset == name
    assert styled.include[:2] == recipe.include
    assert styled.exclude[:1] == recipe.exclude
    added = styled.include[2:] + styled.exclude[1:]
    assert added
    assert all(prompt.weight <= 0.6 for prompt in added)
    assert Recipe.model_validate_json(styled.model_dump_json()) == styled


def test_a_preset_alone_is_refused() -> None:
    with pytest.raises(RecipeError, match="There is nothing to paint"):
        Recipe.make("", preset="night", **PLAIN)


def test_an_unknown_preset_is_refused_with_the_list_of_all() -> None:
    with pytest.raises(RecipeError, match=r"watercolour.*on black"):
        Recipe.make("a castle", preset="vaporwave", **PLAIN)


@pytest.mark.parametrize("include", [" | ".join("a" * MAX_PROMPTS), "x" * MAX_PROMPT_LENGTH])
def test_a_preset_that_does_not_fit_is_refused(include: str) -> None:
    with pytest.raises(RecipeError, match="those of the style"):
        Recipe.make(include, preset="night", **PLAIN)


def test_a_stored_recipe_outlives_its_preset() -> None:
    values = PLAIN | {"include": (Prompt("a castle"),), "preset": "no longer there"}
    assert Recipe(**values).preset == "no longer there"


def test_some_presets_do_not_suit_the_sketch_model() -> None:
    assert set(styles_for("sketch")) < set(styles_for("imagenet")) == set(PRESETS)
