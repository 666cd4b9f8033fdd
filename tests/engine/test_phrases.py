"""Phrase banks: any combination of their phrases is a prompt that the model understands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.prompts import MAX_PROMPT_LENGTH, format_prompts, parse_prompts
from core.understanding.vocabulary import vocabulary_of
from engine.phrases import FULL, Draft, phrase_bank

MODELS = ("sketch", "picturebook", FULL)


@given(st.sampled_from(MODELS), st.data())
def test_any_choice_of_phrases_is_a_prompt_in_the_grammar(model: str, data: st.DataObject) -> None:
    bank = phrase_bank(model)
    draft = Draft(data.draw(st.sampled_from(bank.subjects)))
    for slot in bank.slots:
        if phrase := data.draw(st.sampled_from(("", *slot.phrases))):
            draft = slot.add(draft, phrase)
    prompts = parse_prompts(draft.prompt)
    assert format_prompts(prompts) == draft.prompt
    assert ", ".join(prompt.text for prompt in prompts) == draft.caption
    assert "{" not in draft.prompt
    assert len(draft.prompt) < MAX_PROMPT_LENGTH


def test_picturebook_understands_all_of_its_phrases() -> None:
    bank, vocabulary = phrase_bank("picturebook"), vocabulary_of("picturebook")
    assert vocabulary
    assert set(vocabulary.labels["en"].values()) <= set(bank.subjects)
    unknown = {
        phrase: words
        for phrase in bank.phrases
        if (words := vocabulary.understand(phrase.replace("{}", "cat")).unknown)
    }
    assert unknown == {}


def test_other_models_use_the_full_bank() -> None:
    assert phrase_bank("imagenet") == phrase_bank(FULL)


@pytest.mark.parametrize("model", MODELS)
def test_no_phrase_is_listed_twice(model: str) -> None:
    bank = phrase_bank(model)
    for phrases in (bank.subjects, *(slot.phrases for slot in bank.slots)):
        assert len({phrase.casefold() for phrase in phrases}) == len(phrases)
