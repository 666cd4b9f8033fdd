"""The canonical form of a prompt, the grammar, and its errors."""

import html
import unicodedata

import ftfy
import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

import tests.any_recipe  # noqa: F401 - registers the strategy for Prompt
from core.prompts import (
    MAX_PROMPT_LENGTH,
    MAX_PROMPTS,
    Prompt,
    RecipeError,
    canonical,
    format_prompts,
    parse_prompts,
    parse_weight,
    scene_spans,
)
from core.recipe import Recipe
from core.regions import REGIONS

PIECES = st.sampled_from(
    ["&", "#", "amp;", "&#110;", "&#x75;", "&lt;", "n", "Â", "Ã©", "é", "ﬁ", "\uff21", "’",
     "\u0301", "\u3164", "\ufe0f", "\U000e0041", "\u200d", "\x85", "\ud800", " ", "|", "\\", ":2"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join) | st.text(max_size=200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a &#110;&#117;&#100;&#101; woman", "a nude woman"),
        ("n&amp;#117;de", "nude"),
        ("&amp;amp;amp;lt;", "<"),
        ("a nudeÂ woman", "a nude woman"),
        ("cafÃ©", "café"),
        ("ﬁsh \uff21\uff22 ｶﾞ", "fish AB ガ"),
        ("nu\u3164de n\uffa0u\u115fde", "nude nude"),
        ("a\ufe0fb\U000e0041c\u00add\u034fe", "abcde"),
        ("e\u0301", "é"),
        ("R&D, 5 < 6", "R&D, 5 < 6"),
    ],
)
def test_canonical_form(text: str, expected: str) -> None:
    assert canonical(text) == expected


@given(TEXTS)
@example("&" + "amp;" * 200 + "lt;")
def test_the_tokenizers_cleaning_does_not_change_canonical_text(text: str) -> None:
    form = canonical(text)
    assert canonical(form) == form
    assert " ".join(html.unescape(html.unescape(ftfy.fix_text(form))).split()) == form
    assert not regex.search(r"\p{Default_Ignorable_Code_Point}|\p{C}(?<!\p{Co}|\p{Cn})", form)
    assert unicodedata.is_normalized("NFC", form)


def test_the_length_is_counted_in_canonical_form() -> None:
    assert parse_prompts("&#110;" * MAX_PROMPT_LENGTH) == (Prompt("n" * MAX_PROMPT_LENGTH),)
    with pytest.raises(RecipeError, match="up to 500 characters in total"):
        parse_prompts("ﬁ" * 300)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a castle | fog:0.5 | sunset:2", [("a castle", 1), ("fog", 0.5), ("sunset", 2)]),
        ("fog:.5|sun:2.", [("fog", 0.5), ("sun", 2)]),
        ("fog :2", [("fog", 2)]),
        # A colon that belongs to the text.
        ("Batman: the movie", [("Batman: the movie", 1)]),
        ("Batman: the movie:3", [("Batman: the movie", 3)]),
        ("Blade Runner: 2049", [("Blade Runner: 2049", 1)]),
        ("Re:Zero", [("Re:Zero", 1)]),
        ("16:9", [("16:9", 1)]),
        ("a room at 16:9", [("a room at 16:9", 1)]),
        ("a room at 16:9 :2", [("a room at 16:9", 2)]),
        ("a title:", [("a title:", 1)]),
        ("fog:2 :1", [("fog:2", 1)]),
        # Bars and backslashes that belong to the text.
        (r"a\|b:2 | c\d", [("a|b", 2), (r"c\d", 1)]),
        (r"a\\|b", [("a\\", 1), ("b", 1)]),
        # White space, control characters, direction overrides, composed letters.
        (" a\n\tred\u00a0 circle\x00 ", [("a red circle", 1)]),
        ("e\u0301 \u202eevil", [("é evil", 1)]),
    ],
)
def test_prompts_are_parsed(text: str, expected: list[tuple[str, float]]) -> None:
    assert [(prompt.text, prompt.weight) for prompt in parse_prompts(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("left: a cat | right: a dog:2", [("left", "a cat", 1), ("right", "a dog", 2)]),
        ("Links: eine Katze", [("left", "eine Katze", 1)]),
        ("10 20 60 80: a bird | sea", [("10 20 60 80", "a bird", 1), ("None", "sea", 1)]),
        ("top: sun -> moon", [("top", "sun", 1), ("top", "moon", 1)]),
        # Not a region: an unknown word, no space after the colon, nothing after it, a backslash.
        ("sky: a cat", [("None", "sky: a cat", 1)]),
        ("left:a cat", [("None", "left:a cat", 1)]),
        ("left:2", [("None", "left", 2)]),
        ("left:", [("None", "left:", 1)]),
        (r"\left: a cat", [("None", "left: a cat", 1)]),
        ("60 20 10 80: a bird", [("None", "60 20 10 80: a bird", 1)]),
        ("left: right: a cat", [("left", "right: a cat", 1)]),
    ],
)
def test_a_region_is_a_known_word_or_a_box_before_the_text(
    text: str, expected: list[tuple[str, str, float]]
) -> None:
    prompts = parse_prompts(text)
    assert [(str(p.region), p.text, p.weight) for p in prompts] == expected
    assert parse_prompts(format_prompts(prompts)) == prompts


@given(st.integers(0, 4), st.sampled_from(["left", "10 20 60 80", "links"]), st.booleans())
def test_a_text_that_looks_like_a_region_round_trips(
    backslashes: int, name: str, placed: bool
) -> None:
    prompt = Prompt(
        "\\" * backslashes + f"{name}: a cat", region=REGIONS["top"] if placed else None
    )
    assert parse_prompts(format_prompts((prompt,))) == (prompt,)


def test_regions_are_limited_and_only_work_in_include() -> None:
    with pytest.raises(RecipeError, match="only work in include"):
        parse_prompts("fog | left: a cat", excluded=True)
    text = " | ".join(f"{n} 0 50 100: a" for n in range(5))
    with pytest.raises(RecipeError, match="up to 4 regions"):
        Recipe.make(text, width=64, height=64, steps=9)


@pytest.mark.parametrize(
    "weight",
    ["-1", "−1", "+1", "nan", "inf", "1e9", "0", "0.0", "0,5", "11", "1.2.3", "50%", "9" * 400],
)
def test_the_error_points_at_an_invalid_weight(weight: str) -> None:
    text = f"a castle | fog:{weight} | sea"
    with pytest.raises(RecipeError, match="weight") as caught:
        parse_prompts(text)
    assert caught.value.text[caught.value.position :].startswith(weight)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        (" \n ", 0),
        ("\u200d", 0),
        ("a | \u3164", 3),
        ("a | | b", 4),
        ("| b", 0),
        ("a |", 3),
        (":2", 0),
        ("x" * (MAX_PROMPT_LENGTH + 1), MAX_PROMPT_LENGTH),
        ("x" * 300 + " | " + "y" * 201, 503),
        (" | ".join("a" * (MAX_PROMPTS + 1)), 4 * MAX_PROMPTS),
    ],
)
def test_the_error_points_at_what_cannot_be_parsed(text: str, position: int) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_prompts(text)
    assert caught.value.position == position


def test_the_caret_is_under_the_error() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_prompts("a `castle` | 月:-1")
    line, caret = caught.value.pointer().splitlines()
    assert line == "a 'castle' | 月:-1"
    assert caret == " " * 16 + "^"  # 月 is two columns wide


@given(st.text(max_size=700) | st.text(alphabet="ab1 :|\\.-", max_size=80))
def test_any_text_is_parsed_or_refused_with_a_position(text: str) -> None:
    try:
        prompts = parse_prompts(text)
    except RecipeError as caught:
        error = caught
    else:
        assert parse_prompts(format_prompts(prompts)) == prompts
        return
    assert error.message.endswith(".")
    assert str(error).startswith(error.message)
    assert 0 <= error.position <= len(error.text)
    pointer = error.pointer()
    assert "`" not in pointer
    assert not pointer or len(pointer.splitlines()) == 2
    assert all(len(line) <= 130 for line in pointer.splitlines())


@given(st.from_type(Prompt))
def test_the_text_of_a_prompt_is_normalised(prompt: Prompt) -> None:
    assert prompt.text == unicodedata.normalize("NFC", prompt.text)
    assert prompt.text == " ".join(prompt.text.split())
    assert Prompt(prompt.text, prompt.weight, region=prompt.region) == prompt


@pytest.mark.parametrize("number", ["0", "-1", "11", "nan", "1e1", "0,5", ""])
def test_an_invalid_weight_is_refused(number: str) -> None:
    assert parse_weight("0.5") == 0.5
    with pytest.raises(RecipeError, match="weight") as caught:
        parse_weight(number)
    assert "colon" not in str(caught.value)


def test_a_story_has_weighted_scenes_next_to_constant_prompts() -> None:
    text = "a seed -> a sapling:0.5 → a tree in bloom | watercolour:0.4 | day -> night"
    prompts = parse_prompts(text)
    assert prompts == (
        Prompt("a seed", scene=1),
        Prompt("a sapling", 0.5, scene=2),
        Prompt("a tree in bloom", scene=3),
        Prompt("watercolour", 0.4),
        Prompt("day", scene=1),
        Prompt("night", scene=2),
    )
    assert format_prompts(prompts) == text.replace("→", "->")
    third = pytest.approx((1 / 3, 2 / 3))
    assert scene_spans(prompts)[1] == third
    assert scene_spans(prompts)[2:] == [pytest.approx((2 / 3, 1)), (0, 1), (0, 0.5), (0.5, 1)]


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (r"a sign \-> here", "a sign -> here"),
        ("a->b", "a->b"),
        ("x --> y", "x --> y"),
        (r"\→ north", "→ north"),
    ],
)
def test_an_arrow_may_belong_to_the_text(text: str, prompt: str) -> None:
    assert parse_prompts(text) == (Prompt(prompt),)
    assert parse_prompts(format_prompts((Prompt(prompt),))) == (Prompt(prompt),)


@pytest.mark.parametrize(("text", "position"), [("a seed ->", 9), ("-> a", 0), ("a -> -> b", 5)])
def test_the_error_points_at_a_scene_without_text(text: str, position: int) -> None:
    with pytest.raises(RecipeError, match="no text") as caught:
        parse_prompts(text)
    assert caught.value.position == position


def test_a_story_only_works_in_include() -> None:
    with pytest.raises(RecipeError, match="only work in include") as caught:
        parse_prompts("fog | day -> night", excluded=True)
    assert caught.value.position == 6
