"""Recipes: what they refuse, how they are stored, and their follow-ups."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Json, TypeAdapter

from core.film import MIN_FRAMES, Film, Motion
from core.prompts import (
    Prompt,
    RecipeError,
    format_prompts,
    parse_prompts,
)
from core.recipe import (
    MAX_COUNT,
    SEEDS,
    SPREAD,
    ImagePrompt,
    Recipe,
    Source,
)
from core.sizes import MAX_SIDE

PLAIN: dict[str, Any] = {"width": 64, "height": 64, "steps": 150}


@pytest.mark.slow
@given(st.from_type(Recipe))
@example(Recipe(include=(Prompt("fog:2"), Prompt("a|b\\"), Prompt("7", 1e-7)), seed=0, **PLAIN))
def test_a_recipe_round_trips(recipe: Recipe) -> None:
    if recipe.include:
        assert parse_prompts(format_prompts(recipe.include)) == recipe.include
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


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
        {"include_images": [ImagePrompt("0" * 64)] * 5},
    ],
)
def test_values_out_of_range_are_refused_by_name(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    messages = {"initial": "“initial” has", "include_images": "You can attach up to 4 images"}
    expected = messages.get(name, f"{name.capitalize()} must be from")
    with pytest.raises(RecipeError, match=rf"^{expected} .*\.$"):
        Recipe.make("a circle", **PLAIN | wrong)


def test_a_recipe_always_has_a_seed() -> None:
    assert Recipe.make("a", seed=0, **PLAIN).seed == 0  # 0 is a seed like any other
    drawn = {Recipe.make("a", **PLAIN).seed for _ in range(8)}
    assert len(drawn) > 1
    assert all(0 <= seed < SEEDS for seed in drawn)


def test_each_image_has_its_own_seed() -> None:
    assert Recipe.make("a", seed=SEEDS - 1, count=3, **PLAIN).seeds == (SEEDS - 1, 0, 1)


def test_a_recipe_is_immutable() -> None:
    recipe = Recipe.make("a", exclude="  ", **PLAIN)
    assert recipe.exclude == ()
    with pytest.raises(ValueError, match="frozen"):
        recipe.steps = 3


def test_image_prompts_are_still_read_under_their_old_name() -> None:
    included, excluded = ImagePrompt("a" * 64), ImagePrompt("b" * 64, 2.0)
    recipe = Recipe.make(include_images=[included], exclude_images=[excluded], seed=7, **PLAIN)
    stored = recipe.model_dump_json().replace("clude_images", "clude_pictures")
    assert stored.count("clude_pictures") == 2
    assert Recipe.model_validate_json(stored) == recipe


def test_a_stored_recipe_of_the_first_version_is_still_read() -> None:
    stored = (
        '{"include":[{"text":"a castle","weight":1.0}],"exclude":[],"width":64,"height":64,'
        '"steps":150,"seed":7,"initial":null,"strength":0.5,"count":1}'
    )
    assert Recipe.model_validate_json(stored) == Recipe.make("a castle", seed=7, **PLAIN)


def test_an_image_prompt_is_enough_to_render() -> None:
    included, excluded = ImagePrompt("a" * 64, 0.5), ImagePrompt("b" * 64)
    recipe = Recipe.make(
        " ",
        include_images=[included],
        exclude_images=[excluded, included],
        initial="b" * 64,
        **PLAIN,
    )
    assert (recipe.include, recipe.include_images) == ((), (included,))
    assert recipe.image_names == ("b" * 64, "a" * 64)
    with pytest.raises(RecipeError, match="There is nothing to paint"):
        Recipe.make(" ", exclude_images=[excluded], **PLAIN)
    with pytest.raises(ValueError, match="include a text or an image"):
        Recipe(exclude_images=(excluded,), seed=0, **PLAIN)


def test_initial_image_and_source_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not from both"):
        Recipe(include=(Prompt("a"),), initial="0" * 64, source=Source(1, 0), seed=0, **PLAIN)


@pytest.mark.slow
@given(
    recipe=st.from_type(Recipe),
    row=st.integers(0, MAX_COUNT - 1),
    job=st.integers(1, 2**63 - 1),
    seed=st.integers(0, SEEDS - 1),
    count=st.integers(1, MAX_COUNT),
    steps=st.integers(1, 2000),
)
def test_follow_ups_change_only_the_expected_fields(
    recipe: Recipe, row: int, job: int, seed: int, count: int, steps: int
) -> None:
    def changed(other: Recipe) -> set[str]:
        assert Recipe.model_validate_json(other.model_dump_json()) == other
        fields = Recipe.model_fields
        return {name for name in fields if getattr(other, name) != getattr(recipe, name)}

    before = recipe.model_dump_json()
    row %= recipe.count
    assert changed(recipe.with_seed(seed)) <= {"seed"}
    if recipe.film and steps < recipe.film.steps:
        with pytest.raises(RecipeError, match=r"needs \d+ steps or more"):
            recipe.with_steps(steps)
    else:
        assert changed(recipe.with_steps(steps)) <= {"steps"}
    alone = recipe.for_image(row)
    assert changed(alone) <= {"seed", "count"}
    assert alone.seeds == (recipe.seeds[row],)
    varied = recipe.vary(job, row, seed, count)
    film_fields = {"film", "steps"} if recipe.film else set()
    assert changed(varied) <= {"seed", "count", "source", "initial", "repaint"} | film_fields
    assert varied.steps == recipe.image_steps
    assert (varied.source, varied.seed, varied.count) == (Source(job, row, SPREAD), seed, count)
    more = recipe.continue_from(job, row, steps)
    assert changed(more) <= {"seed", "count", "source", "initial", "repaint", "steps", "film"}
    assert (more.source, more.initial, more.steps) == (Source(job, row), None, steps)
    assert more.repaint is varied.repaint is None  # its latents hold the whole image
    assert more.film is varied.film is None
    film = Film(Motion.LEFT, MIN_FRAMES)
    travel = recipe.film_from(job, row, "a sea", "", film, seed)
    assert (travel.film, travel.steps, travel.source) == (film, film.steps, Source(job, row))
    assert (travel.count, travel.tile, travel.initial, travel.repaint) == (1, None, None, None)
    assert more.seeds == (recipe.seeds[row],)
    if max(recipe.width, recipe.height) * 2 > MAX_SIDE:
        with pytest.raises(RecipeError, match=f"{MAX_SIDE} pixels"):
            recipe.upscale(job, row, steps)
    else:
        larger = recipe.upscale(job, row, steps)
        assert (larger.width, larger.height) == (2 * recipe.width, 2 * recipe.height)
        assert larger.model_copy(update={"width": recipe.width, "height": recipe.height}) == more
    assert recipe.model_dump_json() == before


def test_follow_ups_of_a_missing_image_are_refused() -> None:
    recipe = Recipe.make("a", count=2, **PLAIN)
    for follow in (
        lambda: recipe.for_image(2),
        lambda: recipe.vary(1, 2, seed=0),
        lambda: recipe.continue_from(1, -1, steps=10),
        lambda: recipe.upscale(1, 3, steps=10),
    ):
        with pytest.raises(RecipeError, match="There is no image"):
            follow()
    with pytest.raises(RecipeError, match="Steps must be"):
        recipe.continue_from(1, 0, steps=0)


def test_the_title_is_the_first_prompt() -> None:
    assert Recipe.make("a castle | fog", **PLAIN).title == "a castle"
    assert Recipe.make(include_images=[ImagePrompt("a" * 64)], **PLAIN).title == "an image"


def test_a_text_in_both_include_and_exclude_is_refused() -> None:
    with pytest.raises(RecipeError, match="both include and exclude") as caught:
        Recipe.make("a sea | Red:2", "red", **PLAIN)
    assert caught.value.text[caught.value.position :] == "Red:2"
    with pytest.raises(RecipeError, match="both include and exclude"):
        Recipe.make("a", **PLAIN).edited("red", "red", "64x64", 9, 1)


def test_an_error_as_text_points_at_its_position() -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.make("a castle | fog:-1", **PLAIN)
    assert "put it in exclude" in caught.value.message
    assert str(caught.value).endswith("```\na castle | fog:-1\n               ^\n```")


@pytest.mark.parametrize("text", ["\\u3164", "ﬃ" * 500, "a &amp; b", "\\u2060\\u3164x"])
def test_a_stored_text_that_is_not_canonical_is_still_read(text: str) -> None:
    stored = f'{{"include":[{{"text":"{text}"}}],"width":64,"height":64,"steps":9,"seed":7}}'
    recipe = Recipe.model_validate_json(stored)
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    assert TypeAdapter(Json[Recipe]).validate_python(stored) == recipe  # as in a PNG
