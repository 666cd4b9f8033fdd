"""Which things a sentence asks for, and which it only mentions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.understanding.composer import Composer
from core.understanding.requested_things import Phrase, requested
from core.understanding.vocabulary import Vocabulary, vocabulary_of


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    known = vocabulary_of("picturebook")
    assert known
    return known


@pytest.mark.parametrize(
    ("prompt", "things"),
    [
        ("it's my birthday today, so I think I deserve an oyster", {"oyster"}),
        ("my grandma told me stories about a dove, could you show her one?", {"dove"}),
        ("I'm making a poster for my kids, a lighthouse please", {"lighthouse"}),
        ("a lighthouse because my house is boring", {"lighthouse"}),
        ("as a teacher I'd be grateful for a kiwi fruit", {"kiwi fruit"}),
        ("yo bot, a camel, chop chop", {"camel"}),
        ("need an emote of a person running: facing right", {"person running: facing right"}),
        ("wenn du Zeit hast, ein Leuchtturm für meine Schwester", {"lighthouse"}),
        ("un phare pour ma voiture", {"lighthouse"}),
        ("a cat, a dog and a bird", {"cat", "dog", "bird"}),
        ("cats, dogs and birds", {"cat", "dog", "bird"}),
        ("a cat on the sofa", {"cat", "couch and lamp"}),
        ("puppies and a cat", {"dog face", "cat"}),
        ("a dog chasing the cat", {"dog", "cat"}),
        ("by royal decree, thou shalt produce a lemon", {"lemon"}),
        ("a red car and a blue house", {"automobile", "house"}),  # "car" is "because" in French
        ("sofa", {"couch and lamp"}),
    ],
)
def test_things_asked_for_are_distinguished_from_things_mentioned(
    vocabulary: Vocabulary, prompt: str, things: set[str]
) -> None:
    assert set(vocabulary.understand(prompt).things) == things


def test_only_things_asked_for_are_parts_of_a_composition(vocabulary: Vocabulary) -> None:
    assert len(Composer(vocabulary).compose(["prove me wrong and draw a donkey"]).parts) < 2
    assert len(Composer(vocabulary).compose(["my kids want a donkey and a cow"]).parts) == 2


PHRASES = st.builds(
    Phrase,
    text=st.sampled_from(["a", "the", "for", "cat", "and", "as", "my"]),
    thing=st.sampled_from(["", "cat", "dog"]),
    exact=st.booleans(),
    clause=st.integers(0, 2),
).map(lambda p: p if p.thing else Phrase(p.text, ignored=True, clause=p.clause))


@pytest.mark.parametrize(
    ("prompt", "things"),
    [
        ("a rose on a blue background", {"rose"}),
        ("blue background, a rose in the middle", {"rose"}),
        ("rose on a white background", {"rose"}),
        ("a cat and a rose", {"cat", "rose"}),
        ("une orange sur fond bleu", {"tangerine"}),
        ("una rosa y un gato", {"rose", "cat"}),
        ("an orange cat", {"cat"}),
        ("an orange and white cat", {"cat"}),
        ("orange background with a cat", {"cat"}),
    ],
)
def test_a_word_for_a_colour_is_a_thing_where_it_is_a_noun(
    vocabulary: Vocabulary, prompt: str, things: set[str]
) -> None:
    assert set(vocabulary.understand(prompt).things) == things


@given(st.lists(PHRASES, max_size=8).map(lambda found: sorted(found, key=lambda p: p.clause)))
def test_a_prompt_that_names_things_asks_for_at_least_one(phrases: list[Phrase]) -> None:
    kept = requested(phrases)
    assert [p.text for p in kept] == [p.text for p in phrases]
    assert any(p.thing for p in kept) == any(p.thing for p in phrases)
    assert all(p in phrases or p.ignored for p in kept)
