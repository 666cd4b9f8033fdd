"""What the understanding benchmark counts."""

from bench.quality.understanding import found_by_name, things_shown
from core.understanding.composer import Composer
from core.understanding.vocabulary import vocabulary_of


def phrasing(text: str) -> dict[str, dict[str, list[str]]]:
    return {"phrasings": {"de": [text]}}


def test_a_thing_counts_only_if_it_alone_is_found() -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    names = list(vocabulary.labels["de"])
    alone = dict(zip(names, found_by_name(vocabulary, "de", phrasing("{t}")), strict=True))
    with_a_dog = dict(
        zip(names, found_by_name(vocabulary, "de", phrasing("{t} und ein Hund")), strict=True)
    )
    assert alone["castle"]
    assert not with_a_dog["castle"]
    assert with_a_dog["dog"]


def test_a_drawn_shape_shows_the_thing_of_its_colour() -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    parts = Composer(vocabulary).compose(["a red circle left of a cat"]).parts
    assert [part.drawn for part in parts] == [True, False]
    assert [things_shown(vocabulary, part) for part in parts] == [("red circle",), ("cat",)]
