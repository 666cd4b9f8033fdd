"""The image check's concepts: parsing and merging them, and which match decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.image_check import (
    MAX_CONCEPT,
    CheckAction,
    Concept,
    merged,
    parse_concepts,
    strictest_match,
)

ACTIONS = list(CheckAction)
texts = st.sampled_from(["a gun", "A gun", "blood", "a knife"])
concepts = st.lists(st.builds(Concept, texts, st.sampled_from(ACTIONS)))


def test_concepts_are_separated_by_bars_and_may_name_an_action() -> None:
    assert parse_concepts(" blood |a  gun = refuse| nudity=hold |") == (
        Concept("blood"),
        Concept("a gun", CheckAction.REFUSE),
        Concept("nudity", CheckAction.HOLD),
    )
    assert parse_concepts("") == ()


@pytest.mark.parametrize(
    "text", ["a gun=delete", "=hold", "x" * (MAX_CONCEPT + 1), "|".join(map(str, range(21)))]
)
def test_an_invalid_concept_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"concept|CheckAction"):
        parse_concepts(text)


@given(concepts, concepts)
def test_merging_lists_a_concept_once_with_its_strictest_action(
    host: list[Concept], server: list[Concept]
) -> None:
    both, found = [*host, *server], merged(host, server)
    assert {each.text.casefold() for each in found} == {each.text.casefold() for each in both}
    assert len({each.text.casefold() for each in found}) == len(found)
    for each in found:
        actions = [one.action for one in both if one.text.casefold() == each.text.casefold()]
        assert each.action is max(actions, key=ACTIONS.index)


@given(
    concepts,
    st.dictionaries(st.sampled_from(["a gun", "blood"]), st.floats(-1, 1)),
    st.floats(-1, 1),
)
def test_the_strictest_match_decides(
    listed: list[Concept], scores: dict[str, float], threshold: float
) -> None:
    found = strictest_match(listed, scores, threshold)
    matching = [each for each in listed if scores.get(each.text, -2) >= threshold]
    assert (found is None) == (not matching)
    if found:
        assert found in matching
        assert all(ACTIONS.index(each.action) <= ACTIONS.index(found.action) for each in matching)
