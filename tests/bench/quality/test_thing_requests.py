"""What is asked for is enough, held out from practice, and names things that can be painted."""

import tomllib

import pytest

from bench.quality.thing_requests import HELD_OUT, SHARES, requests
from core.understanding.vocabulary import vocabulary_of
from training.data.concepts import LANGUAGES, Concept

VOCABULARY = vocabulary_of("picturebook")
assert VOCABULARY
EVERY = [
    Concept(
        key=name,
        group=0,
        names={language: labels[name] for language, labels in VOCABULARY.labels.items()},
        keywords={language: () for language in LANGUAGES},
    )
    for name in VOCABULARY.labels["en"]
]
SHOWN = range(len(EVERY))


@pytest.mark.parametrize("practice", [False, True])
def test_every_kind_is_asked_for_as_often_as_planned(practice: bool) -> None:
    asked = requests(EVERY, SHOWN, None, practice)
    counts = {kind: sum(request.kind == kind for request in asked) for kind in SHARES}
    counts["foreign"] = sum(request.kind in ("de", "es", "fr", "ja") for request in asked)
    assert counts == SHARES
    assert len(asked) >= 400
    assert all("{" not in request.include for request in asked)


def test_a_limit_keeps_the_proportions() -> None:
    few = requests(EVERY, SHOWN, 60, practice=False)
    assert abs(len(few) - 60) <= len(SHARES)
    assert {request.kind for request in few} >= {"en", "de", "ground", "two", "style"}


def test_the_same_prompts_are_asked_in_each_run() -> None:
    assert requests(EVERY, SHOWN, 100, False) == requests(EVERY, SHOWN, 100, False)


def test_nothing_is_both_practice_and_held_out() -> None:
    table = tomllib.loads(HELD_OUT.read_text())
    for group in ("phrasings", "scenes", "styles"):
        for name, phrasings in table[group].items():
            assert set(phrasings).isdisjoint(table["practice"][group][name])
            assert all("{" in phrasing for phrasing in phrasings)


def test_descriptions_mean_a_thing_and_do_not_name_it() -> None:
    assert VOCABULARY
    for description in tomllib.loads(HELD_OUT.read_text())["descriptions"]:
        assert description["thing"] in VOCABULARY.labels["en"]
        for prompt in description["prompts"]:
            assert description["thing"] not in prompt.lower().split()
