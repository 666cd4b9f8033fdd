"""What the benchmark of understanding counts."""

from bench.quality.understanding import found
from core.understanding.vocabulary import vocabulary_of


def phrasing(text: str) -> dict[str, dict[str, list[str]]]:
    return {"phrasings": {"de": [text]}}


def test_only_the_thing_that_was_asked_for_counts() -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    names = list(vocabulary.labels["de"])
    alone = dict(zip(names, found(vocabulary, "de", phrasing("{t}")), strict=True))
    beside_a_dog = dict(
        zip(names, found(vocabulary, "de", phrasing("{t} und ein Hund")), strict=True)
    )
    assert alone["castle"]
    assert not beside_a_dog["castle"]
    assert beside_a_dog["dog"]
