"""Alternatives in braces: expanding them, escaping, and errors."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.permutations import (
    MAX_PERMUTATIONS,
    alternatives,
    escape_braces,
    expand,
    permutations,
)
from core.prompts import Prompt, RecipeError, one_line, parse_prompts

PLAIN = st.text("ab :|\\.5→", max_size=8)
TRICKY = st.text("ab \\{},|:5", max_size=20)
CHOICES = st.lists(st.text("ab{},\\ ", max_size=5).map(one_line), min_size=1, max_size=4)


def escaped_alternative(choice: str) -> str:
    """An alternative, escaped as a member has to type it."""
    return re.sub(r"(\\*)([{},]|$)", lambda m: m[1] * 2 + ("\\" + m[2] if m[2] else ""), choice)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a {red, green} star on {white,black}",
            [
                "a red star on white",
                "a red star on black",
                "a green star on white",
                "a green star on black",
            ],
        ),
        ("a {, red} star", ["a  star", "a red star"]),
        (r"a \{red, green\} star", ["a {red, green} star"]),
        (r"{one\, two, three}", ["one, two", "three"]),
        (r"\\{a, b}", [r"\a", r"\b"]),
        (r"red \| green, blue", [r"red \| green, blue"]),
        ("{a | b:2, c}:3", ["a | b:2:3", "c:3"]),
    ],
)
def test_braces_expand_to_every_combination(text: str, expected: list[str]) -> None:
    assert expand(text) == expected


def test_an_alternative_may_have_a_weight() -> None:
    assert [parse_prompts(each) for each in expand("a hill | {fog:0.5, sun:2}")] == [
        (Prompt("a hill"), Prompt("fog", 0.5)),
        (Prompt("a hill"), Prompt("sun", 2)),
    ]


@given(PLAIN)
def test_a_text_without_braces_is_not_changed(text: str) -> None:
    assert expand(text) == [text]


@given(TRICKY)
def test_an_escaped_text_expands_to_itself(text: str) -> None:
    assert [one_line(each) for each in expand(escape_braces(text))] == [one_line(text)]


@given(st.lists(CHOICES, min_size=1, max_size=3))
def test_the_number_of_permutations_is_the_product_of_the_alternatives(
    groups: list[list[str]],
) -> None:
    text = " and ".join("{" + ", ".join(map(escaped_alternative, group)) + "}" for group in groups)
    assert alternatives(text)[1::2] == groups
    assert len(expand(text)) == math.prod(map(len, groups))


@pytest.mark.parametrize(
    ("text", "position"),
    [("a {red, {green}}", 8), ("a {red, green", 2), ("a red} star", 5), (r"{a\}", 0)],
)
def test_the_error_points_at_a_wrong_brace(text: str, position: int) -> None:
    with pytest.raises(RecipeError, match="can't be nested") as caught:
        expand(text)
    assert caught.value.position == position


def test_include_and_exclude_are_combined() -> None:
    assert permutations("a {cat, dog}", "{fog, rain}") == [
        ("a cat", "fog"),
        ("a cat", "rain"),
        ("a dog", "fog"),
        ("a dog", "rain"),
    ]
    assert permutations("a cat", "") == [("a cat", "")]


def test_too_many_permutations_are_refused_before_they_are_expanded() -> None:
    many = "{" + ",".join("ab" * 60) + "}"
    with pytest.raises(RecipeError, match=f"{120**4} requests.*up to {MAX_PERMUTATIONS}"):
        permutations(many * 2, many * 2)
