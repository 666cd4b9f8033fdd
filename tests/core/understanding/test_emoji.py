"""Emoji in prompts."""

import pytest

from core.moderation import WordRule
from core.understanding.emoji import spelled_out
from core.understanding.vocabulary import vocabulary_of
from core.word_filter import first_hit


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("🐱", "cat"),
        ("a 🦊 on 🌙", "a fox on crescent moon"),
        ("❤️", "red heart"),
        ("👍🏽!", "thumbs up sign !"),
        ("😀", "grinning face"),
        ("a cat™ © 猫", "a cat™ © 猫"),
    ],
)
def test_emoji_are_spelled_out(text: str, words: str) -> None:
    assert " ".join(spelled_out(text).split()) == words


def test_picturebook_understands_emoji() -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    assert vocabulary.understand("a 🚀 at night").things == ("rocket",)
    assert vocabulary.in_english("🐱") == "cat"


def test_a_refused_word_is_refused_as_an_emoji() -> None:
    rules = [WordRule("knife")]
    hit = first_hit(rules, "a hand with a 🔪")
    assert hit
    assert hit.rule.text == "knife"
    assert not first_hit(rules, "a hand with a 🥄")
