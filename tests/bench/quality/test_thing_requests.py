"""The requests are enough, are not used for practice, and name things that can be painted."""

import tomllib

import pytest

from bench.quality.thing_requests import HELD_OUT, SHARES, make_requests
from core.understanding.vocabulary import vocabulary_of
from training.data.concepts import LANGUAGES, Concept

VOCABULARY = vocabulary_of("picturebook")
assert VOCABULARY
CONCEPTS = [
    Concept(
        key=name,
        group=0,
        names={language: labels[name] for language, labels in VOCABULARY.labels.items()},
        keywords={language: () for language in LANGUAGES},
    )
    for name in VOCABULARY.labels["en"]
]
SHOWN = range(len(CONCEPTS))


@pytest.mark.parametrize("practice", [False, True])
def test_every_kind_has_its_share_of_the_requests(practice: bool) -> None:
    chosen = make_requests(CONCEPTS, SHOWN, None, practice)
    counts = {kind: sum(request.kind == kind for request in chosen) for kind in SHARES}
    counts["foreign"] = sum(request.kind in ("de", "es", "fr", "ja") for request in chosen)
    assert counts == SHARES
    assert len(chosen) >= 400
    assert all("{" not in request.include for request in chosen)


def test_a_limit_keeps_the_proportions() -> None:
    few = make_requests(CONCEPTS, SHOWN, 60, practice=False)
    assert abs(len(few) - 60) <= len(SHARES)
    assert {request.kind for request in few} >= {"en", "de", "ground", "two", "style"}


def test_every_run_has_the_same_requests() -> None:
    assert make_requests(CONCEPTS, SHOWN, 100, False) == make_requests(CONCEPTS, SHOWN, 100, False)


def test_nothing_is_both_practice_and_held_out() -> None:
    table = tomllib.loads(HELD_OUT.read_text())
    for group in ("phrasings", "scenes", "styles"):
        for name, phrasings in table[group].items():
            assert set(phrasings).isdisjoint(table["practice"][group][name])
            assert all("{" in phrasing for phrasing in phrasings)


def test_descriptions_are_of_a_known_thing_and_do_not_name_it() -> None:
    assert VOCABULARY
    for description in tomllib.loads(HELD_OUT.read_text())["descriptions"]:
        assert description["thing"] in VOCABULARY.labels["en"]
        for prompt in description["prompts"]:
            assert description["thing"] not in prompt.lower().split()
