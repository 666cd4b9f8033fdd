"""A server's words are found however they are written, and only where they are meant."""

import string
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import settings as run
from hypothesis import strategies as st

from bot.word_filter import first_hit, is_word
from core.moderation import WordRule

BAD, IRL = WordRule("bad"), WordRule("irl")

ALIKE = {"a": "аɑ", "c": "с", "e": "е", "i": "і", "o": "ο", "p": "р", "s": "ѕ", "x": "х"}  # noqa: RUF001
"""Letters of other alphabets that look like Latin ones."""
ACCENTS = "\u0301\u0308\u0327\u0336"
GAPS = (" ", ".", "-", "_", " . ", "*")

words = st.text(string.ascii_lowercase, min_size=3, max_size=10)
innocents = st.lists(st.sampled_from(["castle", "on", "the", "hill", "at", "9"]), max_size=4)


@pytest.mark.parametrize(
    "text",
    [
        "BAD",
        "so bád!",
        "b a d",
        "plan b a d",
        "b.a.d",
        "b\u200dad",
        "ba-d",
        "b4d",
        "b@d",
        "bаd",  # noqa: RUF001 - one letter is Cyrillic
        "ВАD",  # noqa: RUF001 - Cyrillic capitals
        "𝕓𝕒𝕕",  # noqa: RUF001
        "b̶a̶d̶",
    ],
)
def test_evasions_are_found(text: str) -> None:
    hit = first_hit([IRL, BAD], text)
    assert hit
    assert hit.rule == BAD


@pytest.mark.parametrize("text", ["badly", "a badge", "not a bard", "4 5 6", "he'll go", ""])
def test_innocent_words_are_left_alone(text: str) -> None:
    assert first_hit([BAD, WordRule("hell"), WordRule("ass")], text) is None


def test_a_girl_has_no_irl_in_her() -> None:
    assert first_hit([IRL], "a girl in a swirl") is None
    assert first_hit([IRL], "a girl 1RL")


def test_several_words_in_a_row() -> None:
    rule = WordRule("Evil Twins")
    assert first_hit([rule], "two évil-twins dance")
    assert first_hit([rule], "evil and twins") is None


def test_other_scripts() -> None:
    assert first_hit([WordRule("плохо")], "это ПЛОХО!")
    assert first_hit([WordRule("悪い")], "とても悪い絵")
    assert first_hit([WordRule("悪い")], "良い絵") is None


def test_the_hit_shows_what_was_found() -> None:
    hit = first_hit([BAD], "one B4D circle")
    assert hit
    assert hit.found == "B4D"


def test_signs_alone_are_no_word() -> None:
    assert is_word("ok")
    assert not is_word("…!?")


@run(deadline=None)
@given(words, innocents, innocents, st.data())
def test_a_rule_finds_its_word_in_any_disguise_among_others(
    word: str, before: list[str], after: list[str], data: st.DataObject
) -> None:
    letters = [_disguised(letter, data) for letter in word]
    gap = data.draw(st.sampled_from(["", *GAPS]))
    hit = first_hit([WordRule(word)], " ".join([*before, gap.join(letters), *after]))
    assert hit
    assert hit.rule.text == word


@run(deadline=None)
@given(words, words)
def test_a_rule_is_not_found_inside_of_a_word(word: str, further: str) -> None:
    assert first_hit([WordRule(word)], f"a {word}{further} and {further}{word}") is None


@run(deadline=None)
@given(words, words)
def test_another_word_is_not_hit(word: str, other: str) -> None:
    assume(word != other)
    assert first_hit([WordRule(word)], f"some {other} here") is None


@run(deadline=None)
@given(st.text(), st.text())
def test_any_text_is_read(rule: str, text: str) -> None:
    first_hit([WordRule(rule)], text)
    if is_word(rule):
        assert first_hit([WordRule(rule)], rule)


def _disguised(letter: str, data: st.DataObject) -> str:
    shape = data.draw(st.sampled_from([letter, letter.upper(), *ALIKE.get(letter, "")]))
    accent = data.draw(st.sampled_from(["", *ACCENTS]))
    return unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD"])), shape + accent)
