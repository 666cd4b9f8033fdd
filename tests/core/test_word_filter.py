"""A server's refused words are found in any disguise, and innocent words are not."""

import random
import re
import string
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import regex
from hypothesis import assume, given
from hypothesis import settings as run
from hypothesis import strategies as st

from core.moderation import WordRule
from core.prompts import canonical
from core.word_filter import MAX_ALIKE, WordFilter, first_hit, is_word
from engine.models.perceptor import clip_tokenizer

BAD, IRL = WordRule("bad"), WordRule("irl")

LOOKALIKES = {"a": "аɑ", "c": "с", "e": "е", "i": "і", "o": "ο", "p": "р", "s": "ѕ", "x": "х"}  # noqa: RUF001
"""Letters of other alphabets that look like Latin ones."""
ACCENTS = "\u0304\u0323\u0332\u0336"
GAPS = (" ", ".", "-", "_", " . ", "*", "/", " | ", "🍑", "\n", "'", "\u3164", "\u2800")

words = st.text(string.ascii_lowercase, min_size=3, max_size=10)
innocents = st.lists(st.sampled_from(["castle", "on", "the", "hill", "at", "9"]), max_size=4)

ESCAPES = re.compile(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})|\\n")


def cases() -> Iterator[tuple[str, str, str]]:
    """The rule, `hit` or `pass`, and the text of each line of the table."""
    table = Path(__file__).with_name("word_filter_cases.tsv").read_text(encoding="utf-8")
    for line in table.splitlines():
        if not line.startswith("#"):
            _, rule, expected, text = line.split("\t")
            yield rule, expected, ESCAPES.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else "\n"


@pytest.mark.parametrize(("rule", "expected", "text"), list(cases()))
def test_each_case_of_the_table(rule: str, expected: str, text: str) -> None:
    hit = first_hit([WordRule(rule)], text)
    assert ("hit" if hit else "pass") == expected, hit


@pytest.mark.parametrize("text", ["badly", "a badge", "not a bard", "4 5 6", "he'll go", ""])
def test_innocent_words_are_left_alone(text: str) -> None:
    assert first_hit([BAD, WordRule("hell"), WordRule("ass")], text) is None


def test_the_hit_shows_what_was_found() -> None:
    hit = first_hit([IRL, BAD], "one B4D circle")
    assert hit
    assert (hit.rule, hit.found) == (BAD, "B4D")


def test_punctuation_alone_is_not_a_word() -> None:
    assert is_word("ok")
    assert is_word("nud*")
    assert not is_word("…!?")
    assert not is_word("*")


@run(deadline=None)
@given(words, innocents, innocents, st.data())
def test_a_rule_finds_its_word_in_any_disguise_between_other_words(
    word: str, before: list[str], after: list[str], data: st.DataObject
) -> None:
    letters = [_disguised(letter, data) for letter in word]
    gap = data.draw(st.sampled_from(["", *GAPS]))
    text = " ".join([*before, gap.join(letters), *after])
    alone = "".join(filter(str.isalpha, "".join(letters)))
    assume(not regex.fullmatch(r"\p{Cyrillic}+|\p{Greek}+", alone))  # a word of that language
    if gap and "'" in gap:
        assume(word[0] not in "stmd")  # after an apostrophe, these end another word
    hit = first_hit([WordRule(word)], text)
    assert hit
    assert hit.rule.text == word


@run(deadline=None)
@given(words, words)
def test_a_rule_is_not_found_inside_another_word(word: str, other: str) -> None:
    assume(re.search(r"(.)\1\1", f"{word}{other}{word}") is None)  # elongated
    assert first_hit([WordRule(word)], f"a {word}{other} and {other}{word}") is None


@run(deadline=None)
@given(words, words)
def test_a_different_word_is_not_hit(word: str, other: str) -> None:
    assume(other not in (word, word + "s", word + "es", word + "z"))
    assume(re.search(r"(.)\1\1", word + " " + other) is None)
    assert first_hit([WordRule(word)], f"the {other} here") is None


@run(deadline=None)
@given(st.text(), st.text())
def test_any_text_can_be_searched(rule: str, text: str) -> None:
    hit = first_hit([WordRule(rule)], text)
    assert hit is None or "\n" not in hit.found
    if is_word(rule):
        assert first_hit([WordRule(rule)], rule.replace("*", " "))


@run(deadline=None)
@given(st.lists(st.text("ab", min_size=1, max_size=5), min_size=1), st.text("ab ", max_size=30))
def test_many_rules_hit_if_one_of_them_does(rules: list[str], text: str) -> None:
    one_by_one = any(first_hit([WordRule(rule)], text) for rule in rules)
    assert bool(first_hit(list(map(WordRule, rules)), text)) == one_by_one


def test_similar_rules_are_distinguished_or_all_hit() -> None:
    few = [WordRule(f"c{vowel}c") for vowel in "áàảãạ"]
    assert first_hit(few, "cac") is None
    variants = ["".join(each) for each in _with_accents("cacac")]
    many = list(map(WordRule, variants))
    assert len(many) > MAX_ALIKE
    assert all(first_hit(many, variant) for variant in variants)


def _with_accents(word: str) -> Iterator[str]:
    for accent in "áàảãạăắằẳẵặâấầẩẫậ":
        yield word.replace("a", accent, 1)


PIECES = st.sampled_from(
    ["nude", "nu", "de", "n", "u", "d", "e", "x", "NUDE", " ", " ", "'s", "'ll", "'", ".", "|", "2",
     "0", "@", "🅝", "🍑", "\u0336", "\u0301", "\u3164", "&#110;", "&amp;#117;", "Â", "é", "ü", "女"]
)  # fmt: skip


@run(deadline=None, max_examples=300)
@given(st.lists(PIECES, max_size=10).map("".join))
def test_a_text_that_clip_reads_as_the_word_is_found(text: str) -> None:
    tokenizer = clip_tokenizer()
    read = tokenizer.decode(tokenizer.encode(canonical(text)))
    if first_hit([WordRule("nude")], read):
        assert first_hit([WordRule("nude")], text), read


# -- running time --------------------------------------------------------------------------------

WORST = {
    "single letters": "a b c d e ",
    "I or l": "Il1",
    "solid": "ab",
    "spaced": "ab ",
    "parenthesised": "🄘",
    "expanding": "\ufdfa",
    "mixed scripts": "aа",  # noqa: RUF001
    "marks": "a\u0336",
    "digits": "a1",
    "emoji": "a🍑",
    "Thai": "หี",
}


@pytest.mark.parametrize("piece", WORST.values(), ids=WORST)
def test_the_work_is_linear_in_the_length_of_the_text(piece: str) -> None:
    repeated = [WordRule("ab" * length + "q") for length in range(1, 50)]
    repeated += [WordRule("ab" * length + "bb") for length in range(1, 49)]
    repeated += [WordRule("il" * length + "q") for length in range(1, 50)]
    find = WordFilter(repeated).first_hit
    short, long = (piece * 500)[:500], (piece * 1000)[:1000]
    find(long)  # fills the caches
    assert _lines_run(find, long) <= 2.5 * _lines_run(find, short)


def test_the_work_does_not_grow_with_the_number_of_rules() -> None:
    rng = random.Random(7)
    rules = [WordRule("q" + "".join(rng.choices(string.ascii_lowercase, k=9))) for _ in range(1000)]
    text = " ".join("".join(rng.choices(string.ascii_lowercase, k=5)) for _ in range(160))
    few, many = WordFilter(rules[:10]).first_hit, WordFilter(rules).first_hit
    few(text)
    assert _lines_run(many, text) <= 1.2 * _lines_run(few, text)


def _lines_run(find: Any, text: str) -> int:
    """How many lines of Python a search runs, which no other load on this machine affects."""
    lines = 0

    def count(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        find(text)
    finally:
        sys.settrace(before)
    return lines


def _disguised(letter: str, data: st.DataObject) -> str:
    shape = data.draw(st.sampled_from([letter, letter.upper(), *LOOKALIKES.get(letter, "")]))
    accent = data.draw(st.sampled_from(["", *ACCENTS]))
    return unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD"])), shape + accent)
