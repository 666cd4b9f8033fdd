"""The grammar of prompts, its errors, and what a recipe refuses."""

import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.recipe import (
    MAX_PROMPTS,
    MAX_TEXT,
    SEEDS,
    Prompt,
    Recipe,
    RecipeError,
    format_prompts,
    parse_prompts,
    parse_size,
)

PLAIN: dict[str, Any] = {"width": 64, "height": 64, "steps": 150}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a castle | fog:0.5 | sunset:2", [("a castle", 1), ("fog", 0.5), ("sunset", 2)]),
        ("fog:.5|sun:2.", [("fog", 0.5), ("sun", 2)]),
        ("fog :2", [("fog", 2)]),
        # A colon that belongs to the text.
        ("Batman: the movie", [("Batman: the movie", 1)]),
        ("Batman: the movie:3", [("Batman: the movie", 3)]),
        ("Blade Runner: 2049", [("Blade Runner: 2049", 1)]),
        ("Re:Zero", [("Re:Zero", 1)]),
        ("16:9", [("16:9", 1)]),
        ("a room at 16:9", [("a room at 16:9", 1)]),
        ("a room at 16:9 :2", [("a room at 16:9", 2)]),
        ("a title:", [("a title:", 1)]),
        ("fog:2 :1", [("fog:2", 1)]),
        # Bars and backslashes that belong to the text.
        (r"a\|b:2 | c\d", [("a|b", 2), (r"c\d", 1)]),
        (r"a\\|b", [("a\\", 1), ("b", 1)]),
        # White space, control characters, direction overrides, composed letters.
        (" a\n\tred\u00a0 circle\x00 ", [("a red circle", 1)]),
        ("e\u0301 \u202eevil", [("é evil", 1)]),
    ],
)
def test_what_is_read(text: str, expected: list[tuple[str, float]]) -> None:
    assert [(prompt.text, prompt.weight) for prompt in parse_prompts(text)] == expected


@pytest.mark.parametrize(
    "weight",
    ["-1", "−1", "+1", "nan", "inf", "1e9", "0", "0.0", "0,5", "11", "1.2.3", "50%", "9" * 400],
)
def test_a_meant_weight_that_is_none_is_pointed_at(weight: str) -> None:
    text = f"a castle | fog:{weight} | sea"
    with pytest.raises(RecipeError, match="weight") as caught:
        parse_prompts(text)
    assert caught.value.text[caught.value.position :].startswith(weight)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        (" \n ", 0),
        ("\u200d", 0),
        ("a | | b", 4),
        ("| b", 0),
        ("a |", 3),
        (":2", 0),
        ("x" * (MAX_TEXT + 1), MAX_TEXT),
        ("x" * 300 + " | " + "y" * 201, 503),
        (" | ".join("a" * (MAX_PROMPTS + 1)), 4 * MAX_PROMPTS),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text: str, position: int) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_prompts(text)
    assert caught.value.position == position


def test_the_caret_stands_under_the_place() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_prompts("a `castle` | 月:-1")
    line, caret = caught.value.pointer().splitlines()
    assert line == "a 'castle' | 月:-1"
    assert caret == " " * 16 + "^"  # 月 is two columns wide


@given(st.text(max_size=700) | st.text(alphabet="ab1 :|\\.-", max_size=80))
def test_any_text_is_read_or_pointed_at(text: str) -> None:
    try:
        prompts = parse_prompts(text)
    except RecipeError as caught:
        error = caught
    else:
        assert parse_prompts(format_prompts(prompts)) == prompts
        return
    assert str(error).endswith(".")
    assert 0 <= error.position <= len(error.text)
    pointer = error.pointer()
    assert "`" not in pointer
    assert not pointer or len(pointer.splitlines()) == 2
    assert all(len(line) <= 130 for line in pointer.splitlines())


@given(st.from_type(Recipe))
@example(Recipe(include=(Prompt("fog:2"), Prompt("a|b\\"), Prompt("7", 1e-7)), seed=0, **PLAIN))
def test_round_trips(recipe: Recipe) -> None:
    assert parse_prompts(format_prompts(recipe.include)) == recipe.include
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@given(st.from_type(Prompt))
def test_a_prompt_is_normal_text(prompt: Prompt) -> None:
    assert prompt.text == unicodedata.normalize("NFC", prompt.text)
    assert prompt.text == " ".join(prompt.text.split())
    assert Prompt(prompt.text, prompt.weight) == prompt


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 8},
        {"height": 4096},
        {"steps": 0},
        {"steps": 100_000},
        {"seed": -1},
        {"seed": SEEDS},
        {"strength": 1.1},
        {"strength": float("nan")},
        {"count": 0},
        {"count": 5},
        {"initial": "../../etc/passwd"},
    ],
)
def test_values_out_of_range_are_refused_by_name(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(RecipeError, match=rf"^{name.capitalize()}: .*\.$"):
        Recipe.make("a circle", **PLAIN | wrong)


def test_a_seed_is_always_concrete() -> None:
    assert Recipe.make("a", seed=0, **PLAIN).seed == 0  # 0 is a seed like any other
    drawn = {Recipe.make("a", **PLAIN).seed for _ in range(8)}
    assert len(drawn) > 1
    assert all(0 <= seed < SEEDS for seed in drawn)


def test_each_picture_has_its_own_seed() -> None:
    assert Recipe.make("a", seed=SEEDS - 1, count=3, **PLAIN).seeds == (SEEDS - 1, 0, 1)


def test_a_recipe_cannot_be_changed() -> None:
    recipe = Recipe.make("a", exclude="  ", **PLAIN)
    assert recipe.exclude == ()
    with pytest.raises(ValueError, match="frozen"):
        recipe.steps = 3


@pytest.mark.parametrize("text", ["64x96", "64×96", " 64 X 96 "])
def test_sizes(text: str) -> None:
    assert parse_size(text) == (64, 96)


@pytest.mark.parametrize("text", ["", "64", "huge", "64x", "-64x64", "8x64", "64x99999", "6e1x64"])
def test_unknown_sizes(text: str) -> None:
    with pytest.raises(RecipeError, match="pixels"):
        parse_size(text)


@given(st.from_type(Recipe))
def test_a_recipe_knows_its_size(recipe: Recipe) -> None:
    assert parse_size(recipe.size) == (recipe.width, recipe.height)
