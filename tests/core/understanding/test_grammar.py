"""Prompts in five languages, read as compositions of things on a ground."""

import pytest

from core.understanding.composition import FAR, HALF, NEAR, NOTHING, SMALL, Composition, Part
from core.understanding.grammar import Grammar
from training.data.vocabulary import grounds, phrases

NAMES = {"cat", "dog", "star", "moon", "circle", "salt and pepper", "katze", "hund", "gato",
         "perro", "chat", "chien", "猫", "犬"}  # fmt: skip


def things_of(text: str) -> list[str]:
    if "salt and pepper" in text:
        return ["salt and pepper"]
    named = [name for name in (*NAMES, "salt", "pepper") if name in text.lower()]
    return sorted(named, key=text.lower().index)


GRAMMAR = Grammar(phrases(), grounds(), things_of, lambda text: text.lower() in NAMES, things_of)


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("a cat and a dog", "a cat", "a dog"),
        ("a cat next to a dog", "a cat", "a dog"),
        ("a cat to the left of a dog", "a cat", "a dog"),
        ("eine Katze neben einem Hund", "eine Katze", "einem Hund"),
        ("un gato y un perro", "un gato", "un perro"),
        ("un chat à gauche de un chien", "un chat", "un chien"),
        ("un chat à côté d'un chien", "un chat", "un chien"),
        ("a dog to the right of a cat", "a cat", "a dog"),
        ("links eine Katze, rechts ein Hund", "eine Katze", "ein Hund"),
        ("un perro a la derecha del gato", "gato", "un perro"),
        ("左に猫、右に犬", "猫", "犬"),
        ("a cat chasing a dog", "a cat", "a dog"),
        ("un gato comiendo un perro", "un gato", "un perro"),
        ("un chat qui regarde un chien", "un chat", "un chien"),
        ("猫と犬", "猫", "犬"),
        ("犬の左に猫", "猫", "犬"),
    ],
)
def test_two_things_are_side_by_side(prompt: str, first: str, second: str) -> None:
    parts = (Part(first, NEAR, 0.5, HALF), Part(second, FAR, 0.5, HALF))
    assert GRAMMAR.compose(prompt) == Composition(parts)


def test_one_thing_is_above_the_other() -> None:
    upper, lower = GRAMMAR.compose("a cat above a dog").parts
    assert GRAMMAR.compose("a cat riding a dog").parts == (upper, lower)
    assert GRAMMAR.compose("a dog below a cat").parts == (upper, lower)
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
        ("can I get a cat on red?", ["can I get a cat"], "red"),
        ("a cat, the backdrop should be entirely yellow", ["cat"], "yellow"),
        ("a cat and a dog in front of a light blue wall", ["cat", "a dog"], "lightblue"),
        ("Katze, der Hintergrund ist rot", ["Katze"], "red"),
        ("un gato con fondo verde claro", ["gato"], "lightgreen"),
        ("背景が赤い猫", ["猫"], "red"),
    ],
)
def test_things_are_on_a_coloured_ground(prompt: str, things: list[str], colour: str) -> None:
    composition = GRAMMAR.compose(prompt)
    assert [part.text for part in composition.parts] == things
    assert composition.colour == grounds()[colour]
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
        ("a cat in the middle of a green field", "a cat", "hills by day"),
        ("a cat in a snowy forest beneath the full moon", "a cat", "snow at night"),
        ("eine Katze auf einer grünen Wiese", "eine Katze", "hills by day"),
        ("un chat au bord d'un lac", "un chat", "sea by day"),
        ("森の中の猫", "猫", "hills by day"),
    ],
)
def test_a_thing_is_in_a_landscape(prompt: str, thing: str, landscape: str) -> None:
    composition = GRAMMAR.compose(prompt)
    assert [part.text for part in composition.parts] == [thing]
    assert composition.landscape == landscape


@pytest.mark.parametrize(
    ("prompt", "colour"),
    [
        ("a cat, red bg", "red"),
        ("draw me a cat and make everything behind it green", "green"),
        ("hi! a cat on purple, i've been waiting all day", "purple"),
        ("the background has to be blue. A cat, please", "blue"),
        ("eine Katze, dahinter alles rot", "red"),
        ("un gato y detrás todo verde", "green"),
        ("真ん中に猫、まわりは全部紫", "purple"),
    ],
)
def test_a_colour_belongs_to_the_ground_that_it_describes(prompt: str, colour: str) -> None:
    composition = GRAMMAR.compose(prompt)
    (part,) = composition.parts
    assert len(things_of(part.text)) == 1
    assert composition.colour == grounds()[colour]


@pytest.mark.parametrize("prompt", ["everything about a red cat", "a background with a blue dog"])
def test_a_colour_before_a_thing_belongs_to_the_thing(prompt: str) -> None:
    assert GRAMMAR.compose(prompt).colour is None


@pytest.mark.parametrize(
    ("prompt", "landscape"),
    [
        ("a cat, winter", "snow by day"),
        ("beach. night. a cat.", "sea at night"),
        ("winter scene with a cat", "snow by day"),
        ("eine Katze, Winterlandschaft", "snow by day"),
    ],
)
def test_a_landscape_may_be_a_phrase_of_its_own(prompt: str, landscape: str) -> None:
    assert GRAMMAR.compose(prompt).landscape == landscape


@pytest.mark.parametrize(
    "prompt", ["a cat w/ a dog", "left: a cat. right: a dog.", "put a cat but add a dog beside it"]
)
def test_two_things_are_side_by_side_however_they_are_joined(prompt: str) -> None:
    first, second = GRAMMAR.compose(prompt).parts
    assert ("cat" in first.text, "dog" in second.text) == (True, True)
    assert (first.x, second.x) == (NEAR, FAR)


@pytest.mark.parametrize(
    "prompt", ["a cat in a storm, at night", "eine Katze im Gewitter", "嵐の中の猫"]
)
def test_a_storm_is_in_the_sky(prompt: str) -> None:
    composition = GRAMMAR.compose(prompt)
    (weather,), (thing,) = composition.scenery, composition.parts
    assert weather.text == "cloud with lightning and rain"
    assert weather.y + weather.size / 2 < 0.5 < thing.y
    assert thing.size > weather.size


def test_another_prompt_may_name_the_ground() -> None:
    preset = "a landscape at night, under a night sky"
    assert GRAMMAR.compose("a cat", [preset]).landscape == "hills at night"
    assert GRAMMAR.compose("a cat in the snow", [preset]).landscape == "snow by day"
    assert GRAMMAR.compose("a cat", ["a white background"]).colour == grounds()["white"]


def test_an_excluded_thing_is_left_out_and_the_last_one_is_centred() -> None:
    composition = GRAMMAR.compose("a cat and a dog on a blue background")
    alone = composition.without(lambda part: "dog" in part.text)
    assert alone == Composition((Part("a cat", 0.5, 0.5, 1.0),), grounds()["blue"])
    assert composition.without(lambda part: True) == composition
    assert composition.without(lambda part: False) == composition


def test_what_belongs_in_the_sky_is_not_placed_on_land() -> None:
    assert GRAMMAR.compose("the moon at night") == NOTHING


def test_a_list_of_three_has_three_parts() -> None:
    assert [part.text for part in GRAMMAR.compose("a cat, a star and a dog").parts] == [
        "a cat", "a star", "a dog",
    ]  # fmt: skip


def test_numbers_places_and_sizes_are_read() -> None:
    assert [part.text for part in GRAMMAR.compose("three cats").parts] == ["cats"] * 3
    assert [part.text for part in GRAMMAR.compose("draw two cats").parts] == ["draw cats"] * 2
    assert GRAMMAR.compose("a cat on the left").parts == (Part("a cat", NEAR, 0.5, HALF),)
    assert GRAMMAR.compose("a small cat").parts == (Part("a cat", 0.5, 0.5, SMALL),)


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat",
        "salt and pepper",  # the name of one thing
        "a cat and nothing",
        "a man with a cat",  # one scene
        "a cat with a bowl of water",  # a bowl of water is not a sea
        "a cat washing the cat",
        "draw salt and pepper in 3d",  # the name of one thing among other words
        "",
    ],
)
def test_a_prompt_for_one_thing_has_no_composition(prompt: str) -> None:
    assert GRAMMAR.compose(prompt) == NOTHING
