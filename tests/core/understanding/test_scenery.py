"""Prompts for landscapes, in five languages, and what stands or shines in them."""

import pytest

from core.understanding.composer import DRAWN_SHAPE, Composer, composer_of
from core.understanding.composition import Part
from core.understanding.scenery import BRIGHTNESS, DRAWN_ELEMENTS
from training.data.vocabulary import grounds


@pytest.fixture(scope="module")
def composer() -> Composer:
    found = composer_of("picturebook")
    assert found
    return found


def things(parts: tuple[Part, ...]) -> list[str]:
    drawn = {DRAWN_SHAPE.format(element.shape): thing for thing, element in DRAWN_ELEMENTS.items()}
    return [drawn.get(part.text, part.text) for part in parts]


@pytest.mark.parametrize(
    ("prompt", "landscape", "scenery"),
    [
        ("snowy hills with trees", "snow by day", ["evergreen tree"]),
        ("clouds over the ocean, evening", "sea at sunset", ["cloud"]),
        ("a house under the moon", "hills at night", ["crescent moon", "house"]),
        ("the sun and clouds", "hills by day", ["sun", "cloud"]),
        ("trees", "hills by day", ["evergreen tree"]),
        ("snowy mountains with a house and stars", "snow at night", ["star", "house"]),
        ("a field with a house and the sun", "hills by day", ["sun", "house"]),
        ("un lac avec des sapins", "sea with trees by day", ["evergreen tree"]),
        ("a forest at night with the moon", "hills at night", ["crescent moon", "evergreen tree"]),
        ("three trees", "", []),
        ("the night sky over the sea", "sea at night", ["star"]),
        ("a full moon above a meadow", "hills at night", ["full moon"]),
        ("ein Haus und Bäume auf grünen Hügeln", "hills by day", ["house", "evergreen tree"]),
        ("Mond und Sterne über dem Meer", "sea at night", ["crescent moon", "star"]),
        ("la luna sobre la nieve", "snow at night", ["crescent moon"]),
        ("la mer au coucher du soleil avec des nuages", "sea at sunset", ["cloud"]),
        ("丘の上の家と木々、夜", "hills at night", ["house", "evergreen tree"]),
        ("a house and a tree", "", []),
        ("the sun", "", []),
        ("night with stars", "", []),
        ("満月", "", []),
    ],
)
def test_elements_belong_to_their_landscape(
    composer: Composer, prompt: str, landscape: str, scenery: list[str]
) -> None:
    composition = composer.compose([prompt])
    assert (composition.landscape, things(composition.scenery)) == (landscape, scenery)
    assert not (composition.landscape and composition.parts)


def test_what_a_prompt_says_is_missing_is_not_added(composer: Composer) -> None:
    for prompt in ("hills without trees", "Hügel ohne Bäume", "the sea at night, no moon"):
        assert not composer.compose([prompt]).scenery


def test_several_prompts_name_one_landscape(composer: Composer) -> None:
    together = composer.compose(["hills at sunset", "a house", "clouds"])
    assert together == composer.compose(["hills at sunset, a house, clouds"])
    assert things(together.scenery) == ["cloud", "house"]


@pytest.mark.parametrize(
    ("prompt", "subject", "behind"),
    [
        ("a cat under the stars", "a cat", ["star"]),
        ("a bear in the forest", "a bear", ["evergreen tree"]),
        ("un renard dans une forêt enneigée", "un renard", ["evergreen tree"]),
        ("a fox in the snow under the full moon", "a fox", ["full moon"]),
        ("a castle on a hill with clouds", "castle", ["cloud"]),
        ("a sunflower in a field under the sun", "sunflower", ["sun"]),
        ("ein Fuchs im Schnee unter dem Mond", "ein Fuchs", ["crescent moon"]),
    ],
)
def test_elements_are_behind_a_subject(
    composer: Composer, prompt: str, subject: str, behind: list[str]
) -> None:
    composition = composer.compose([prompt])
    assert things(composition.parts) == [subject]
    assert things(composition.scenery) == behind


def test_excluded_elements_are_left_out(composer: Composer) -> None:
    prompt = "the full moon and stars over snowy hills with trees"
    for excluded, left in (
        (["moon"], ["star", "evergreen tree"]),
        (["stars", "trees"], ["full moon"]),
        (["a full moon", "star", "a tree"], []),
    ):
        composition = composer.compose([prompt], excluded)
        assert composition.landscape == "snow at night"
        assert things(composition.scenery) == left


def test_an_element_gets_the_colour_that_the_prompt_gives_it(composer: Composer) -> None:
    for prompt in ("a red house on a hill", "une maison rouge sur une colline", "丘の上の赤い家"):
        (house,) = composer.compose([prompt]).scenery
        assert house.colour == grounds()["red"], prompt


def test_stars_and_full_moons_are_drawn_without_faces(composer: Composer) -> None:
    for prompt, shapes in (("a cat under the stars", ["star"]), ("hills, full moon", ["circle"])):
        scenery = composer.compose([prompt]).scenery
        assert [part.text for part in scenery] == [DRAWN_SHAPE.format(shape) for shape in shapes]
        assert all(part.drawn and part.colour for part in scenery)
    (blue,) = composer.compose(["a cat under blue stars"]).scenery
    assert blue.colour == grounds()["blue"]
    without = composer.compose(["hills under the stars"], ["yellow"])
    assert without.excluded_colours == (grounds()["yellow"],)
    (in_3d,) = composer.compose(["hills under the stars, 3d"]).scenery
    assert (in_3d.text, in_3d.drawn) == ("star", False)


def test_what_stands_on_land_is_darker_at_night_and_has_an_island_in_the_sea(
    composer: Composer,
) -> None:
    moon, house = composer.compose(["a house and the moon by the sea"]).scenery
    assert (moon.brightness, house.brightness) == (1.0, BRIGHTNESS["night"])
    assert composer.compose(["a house by the sea"]).landscape == "sea with a house by day"
    assert composer.compose(["clouds over the sea"]).landscape == "sea by day"


def test_mirroring_moves_scenery_to_the_other_side(composer: Composer) -> None:
    composition = composer.compose(["a cat under the moon and stars"])
    mirrored = composition.with_mirrored_scenery()
    assert mirrored.parts == composition.parts
    for part, other in zip(composition.scenery, mirrored.scenery, strict=True):
        places = ((part.x, part.y, part.size), *part.copies)
        others = ((other.x, other.y, other.size), *other.copies)
        for (x, y, size), (other_x, *rest) in zip(places, others, strict=True):
            assert (x + other_x, rest) == (pytest.approx(1), [y, size])
