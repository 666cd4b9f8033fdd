"""Where things stand is read from prompts in five languages, and only where there are things."""

import pytest

from core.composition import FAR, HALF, NEAR, NOTHING, SMALL, Composition, Grammar, Part
from training.data.drawn_scenes import COLOURS
from training.data.vocabulary import phrases

NAMES = {"cat", "dog", "star", "moon", "circle", "salt and pepper", "katze", "hund", "gato",
         "perro", "chat", "chien", "猫", "犬"}  # fmt: skip


def things_of(text: str) -> list[str]:
    return [name for name in NAMES if name in text.lower()]


GRAMMAR = Grammar(phrases(), COLOURS, things_of, lambda text: text.lower() in NAMES)


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
    parts = (Part(first, NEAR, 0.5, HALF), Part(second, FAR, 0.5, HALF))
    assert GRAMMAR.compose(prompt) == Composition(parts)


def test_one_above_the_other() -> None:
    upper, lower = GRAMMAR.compose("a cat above a dog").parts
    assert (upper.text, lower.text) == ("a cat", "a dog")
    assert upper.x == lower.x
    assert upper.y < lower.y


@pytest.mark.parametrize(
    ("prompt", "things", "colour"),
    [
        ("a cat on a blue background", ["a cat"], "blue"),
        ("a cat and a dog on a blue background", ["a cat", "a dog"], "blue"),
        ("eine Katze und ein Hund auf rotem Hintergrund", ["eine Katze", "ein Hund"], "red"),
        ("un chat et un chien sur fond vert", ["un chat", "un chien"], "green"),
        ("赤背景の猫", ["猫"], "red"),
        ("a yellow circle on a black background", ["a yellow circle"], "black"),
    ],
)
def test_things_stand_on_a_coloured_ground(prompt: str, things: list[str], colour: str) -> None:
    composition = GRAMMAR.compose(prompt)
    assert [part.text for part in composition.parts] == things
    assert composition.colour == COLOURS[colour]
    assert not composition.landscape


@pytest.mark.parametrize(
    ("prompt", "thing", "landscape"),
    [
        ("a cat in the snow at night", "a cat", "snow at night"),
        ("a cat at night, in the snow", "a cat", "snow at night"),
        ("a dog under the stars", "a dog", "hills at night"),
        ("eine Katze am Meer bei Sonnenuntergang", "eine Katze", "sea at sunset"),
        ("un perro en la nieve", "un perro", "snow by day"),
        ("un chat sur la plage", "un chat", "sea by day"),
        ("夜の猫", "猫", "hills at night"),
    ],
)
def test_a_thing_stands_in_a_landscape(prompt: str, thing: str, landscape: str) -> None:
    composition = GRAMMAR.compose(prompt)
    assert [part.text for part in composition.parts] == [thing]
    assert composition.landscape == landscape


def test_another_prompt_may_say_what_the_ground_is() -> None:
    preset = "a landscape at night, under a night sky"
    assert GRAMMAR.compose("a cat", [preset]).landscape == "hills at night"
    assert GRAMMAR.compose("a cat in the snow", [preset]).landscape == "snow by day"
    assert GRAMMAR.compose("a cat", ["a white background"]).colour == COLOURS["white"]


def test_an_excluded_thing_is_left_out_and_the_last_one_stands_in_the_middle() -> None:
    composition = GRAMMAR.compose("a cat and a dog on a blue background")
    alone = composition.without(lambda part: "dog" in part.text)
    assert alone == Composition((Part("a cat", 0.5, 0.5, 1.0),), COLOURS["blue"])
    assert composition.without(lambda part: True) == composition
    assert composition.without(lambda part: False) == composition


def test_what_a_sky_has_by_itself_is_not_put_onto_the_land() -> None:
    assert GRAMMAR.compose("the moon at night") == NOTHING


def test_a_list_of_three() -> None:
    assert [part.text for part in GRAMMAR.compose("a cat, a star and a dog").parts] == [
        "a cat", "a star", "a dog",
    ]  # fmt: skip


def test_numbers_places_and_sizes() -> None:
    assert [part.text for part in GRAMMAR.compose("three cats").parts] == ["cats"] * 3
    assert GRAMMAR.compose("a cat on the left").parts == (Part("a cat", NEAR, 0.5, HALF),)
    assert GRAMMAR.compose("a small cat").parts == (Part("cat", 0.5, 0.5, SMALL),)


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat",
        "salt and pepper",  # one thing's name
        "a cat and nothing",
        "a man with a cat",  # one scene
        "",
    ],
)
def test_what_shows_one_thing_is_left_alone(prompt: str) -> None:
    assert GRAMMAR.compose(prompt) == NOTHING
