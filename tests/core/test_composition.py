"""Where things stand is read from prompts in five languages, and only where there are things."""

import pytest

from core.composition import FAR, HALF, NEAR, SMALL, Grammar, Part
from training.data.vocabulary import phrases

NAMES = {"cat", "dog", "star", "salt and pepper", "katze", "hund", "gato", "perro", "chat", "chien",
         "猫", "犬"}  # fmt: skip


def names_thing(text: str) -> bool:
    words = text.lower().replace("、", " ").split()
    return any(name in words or name in text.lower() for name in NAMES)


GRAMMAR = Grammar(phrases(), names_thing, lambda text: text.lower() in NAMES)


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("a cat and a dog", "a cat", "a dog"),
        ("a cat next to a dog", "a cat", "a dog"),
        ("a cat to the left of a dog", "a cat", "a dog"),
        ("eine Katze neben einem Hund", "eine Katze", "einem Hund"),
        ("un gato y un perro", "un gato", "un perro"),
        ("un chat à gauche de un chien", "un chat", "un chien"),
        ("猫と犬", "猫", "犬"),
        ("犬の左に猫", "猫", "犬"),
    ],
)
def test_two_things_stand_side_by_side(prompt: str, first: str, second: str) -> None:
    assert GRAMMAR.compose(prompt) == (Part(first, NEAR, 0.5, HALF), Part(second, FAR, 0.5, HALF))


def test_one_above_the_other() -> None:
    upper, lower = GRAMMAR.compose("a cat above a dog")
    assert (upper.text, lower.text) == ("a cat", "a dog")
    assert upper.x == lower.x
    assert upper.y < lower.y


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a cat and a dog on a blue background", "{} on a blue background"),
        ("eine Katze und ein Hund auf rotem Hintergrund", "{} auf rotem Hintergrund"),
        ("un chat et un chien sur fond vert", "{} sur fond vert"),
    ],
)
def test_each_stands_on_the_ground_of_all(prompt: str, expected: str) -> None:
    parts = GRAMMAR.compose(prompt)
    assert len(parts) == 2
    for part in parts:
        assert part.text == expected.format(part.text.split(expected[2:])[0])


def test_a_list_of_three() -> None:
    assert [part.text for part in GRAMMAR.compose("a cat, a star and a dog")] == [
        "a cat", "a star", "a dog",
    ]  # fmt: skip


def test_numbers_places_and_sizes() -> None:
    assert [part.text for part in GRAMMAR.compose("three cats")] == ["cats"] * 3
    assert GRAMMAR.compose("a cat on the left") == (Part("a cat", NEAR, 0.5, HALF),)
    assert GRAMMAR.compose("a small cat") == (Part("cat", 0.5, 0.5, SMALL),)


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat",
        "salt and pepper",  # one thing's name
        "a red circle and a blue square",  # no things: the prior knows how shapes stand
        "a cat and nothing",
        "a man with a cat",  # one scene
        "",
    ],
)
def test_what_shows_one_thing_is_left_alone(prompt: str) -> None:
    assert GRAMMAR.compose(prompt) == ()
