"""Compositions of prompts: colours, shapes, and what is left out."""

from dataclasses import replace

import pytest

from core.understanding.composer import DRAWN_SHAPE, composer_of
from core.understanding.composition import NOTHING
from training.data.vocabulary import grounds


def test_prompts_that_each_name_one_thing_have_no_composition() -> None:
    composer = composer_of("picturebook")
    assert composer
    for prompts in (["a dog", "a yacht"], ["a dog"], []):
        assert not composer.compose(prompts)


def test_the_moon_of_a_landscape_can_be_excluded() -> None:
    included = composer_of("picturebook")
    assert included
    moonlit = included.compose(["the moon over snowy hills at night"])
    assert moonlit.landscape == "snow at night"
    assert [part.text for part in moonlit.scenery] == ["crescent moon"]
    without = included.compose(["the moon over snowy hills at night"], ["moon"])
    assert without == replace(moonlit, scenery=())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("the outline of a red circle", True),
        ("Umriss einer roten Katze", True),
        ("gato azul, contorno", True),
        ("赤いネコの線画", True),
        ("a cat in black and white, line art", False),
        ("a redwood, line art", False),
    ],
)
def test_colours_are_found_in_any_language(text: str, named: bool) -> None:
    assert composer_of("picturebook").names_colours([text]) is named


@pytest.mark.parametrize(
    ("prompt", "text", "colour"),
    [
        ("a blue cat", "a cat", "blue"),
        ("eine rote Katze", "eine Katze", "red"),
        ("青い猫", "猫", "blue"),
        ("a blue rose", "rose", "blue"),  # in French, a rose is also a colour
        ("a pink elephant in the snow", "a elephant", "pink"),
    ],
)
def test_a_thing_gets_the_colour_that_a_prompt_gives_it(
    prompt: str, text: str, colour: str
) -> None:
    composer = composer_of("picturebook")
    (part,) = composer.compose([prompt]).parts
    assert (part.text, part.colour) == (text, grounds()[colour])


@pytest.mark.parametrize(
    "prompt",
    [
        "a red apple",  # its name
        "a black and white cow",
        "lady in a yellow hard hat who builds houses",
        "a cat on a blue background",
    ],
)
def test_other_colours_in_a_prompt_are_left_to_the_prior(prompt: str) -> None:
    composition = composer_of("picturebook").compose([prompt])
    assert not any(part.colour for part in composition.parts)


def test_excluded_colours_are_taken_away() -> None:
    composer = composer_of("picturebook")
    red = grounds()["red"]
    rose = composer.compose(["a rose"], ["red"])
    assert ([part.text for part in rose.parts], rose.excluded_colours) == (["a rose"], (red,))
    assert composer.compose(["a lion"], ["orange"]).excluded_colours
    shapes = composer.compose(["a red square and a blue circle"], ["red"])
    assert [part.text for part in shapes.parts] == [DRAWN_SHAPE.format("circle")]
    assert not shapes.excluded_colours  # it keeps the colour that it is given
    assert not composer.compose(["a red rose"], ["pink"]).excluded_colours
    assert composer.compose(["a red rose"], ["red"]).excluded_colours
    assert composer.compose(["a rose"], ["a red car", "white", "watermark"]) == NOTHING


@pytest.mark.parametrize(
    ("prompt", "shapes", "background"),
    [
        ("a red circle", [("circle", "red")], "white"),
        ("a white heart", [("heart", "white")], "gray"),
        ("a picture of a green cross on yellow", [("cross", "green")], "yellow"),
        ("a blue star, a purple triangle", [("star", "blue"), ("triangle", "purple")], "white"),
        ("a white star and a gray ring", [("star", "white"), ("ring", "gray")], "black"),
        ("ein roter Kreis auf blauem Grund", [("circle", "red")], "blue"),
        ("un carré jaune et un cœur vert", [("square", "yellow"), ("heart", "green")], "white"),
        ("赤い三角形と青い円", [("triangle", "red"), ("circle", "blue")], "white"),
    ],
)
def test_shapes_are_drawn_in_their_colours_on_a_background_that_shows_them(
    prompt: str, shapes: list[tuple[str, str]], background: str
) -> None:
    included = composer_of("picturebook")
    assert included
    composition = included.compose([prompt])
    expected = [(DRAWN_SHAPE.format(shape), grounds()[c]) for shape, c in shapes]
    assert [(part.text, part.colour) for part in composition.parts if part.drawn] == expected
    assert len(composition.parts) == len(shapes)
    assert composition.colour == grounds()[background]


@pytest.mark.parametrize(
    "prompt",
    [
        "a gold ring",
        "a ring",
        "a red circle, 3d",
        "a square table",
        "a green circle with eyes",
        "a red triangle pointed down",
    ],
)
def test_what_is_more_than_a_shape_with_a_colour_is_not_drawn(prompt: str) -> None:
    included = composer_of("picturebook")
    assert included
    assert not any(part.drawn for part in included.compose([prompt]).parts)


def test_shapes_of_an_excluded_colour_are_left_out_and_the_background_has_another() -> None:
    composer = composer_of("picturebook")
    assert composer
    for colour in ("black", "gray", "white", "red"):
        composition = composer.compose([f"a {colour} star and a blue square"], [colour])
        (square,) = composition.parts
        assert square.colour == grounds()["blue"]
        assert composition.colour not in (grounds()[colour], square.colour)


def test_a_colour_that_is_also_a_thing_is_no_second_thing() -> None:
    composer = composer_of("picturebook")
    assert not composer.compose(["an orange and white cat"]).parts
    (rose,) = composer.compose(["a rose on a blue background"]).parts
    assert rose.text == "a rose"
