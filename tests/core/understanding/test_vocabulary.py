"""What a vocabulary understands of a prompt, tested with a small vocabulary."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.understanding.descriptions import Descriptions
from core.understanding.vocabulary import Vocabulary, vocabulary_of
from core.understanding.word_vectors import WordVectors

TABLE = {
    "labels": {
        "en": {
            "dog": "dog",
            "red apple": "red apple",
            "sailboat": "sailboat",
            "rose": "rose",
            "waving hand": "waving hand",
        },
        "de": {"dog": "Hund", "red apple": "roter Apfel", "sailboat": "Segelboot"},
        "ja": {"dog": "犬", "red apple": "赤リンゴ", "sailboat": "ヨット", "rose": "バラ"},
    },
    "synonyms": {
        "puppy": "dog",
        "apple": "red apple",
        "yacht": "sailboat",
        "sail boat": "sailboat",
        "hello": "waving hand",
        "circle": "red apple",
    },
    "preferred": {"hound": "dog"},
    "modifiers": ["red", "blue", "circle", "rose", "3d"],
    "silent": ["a", "the", "on", "and", "ein", "hello", "por favor", "ノ", "ト"],  # noqa: RUF001
    "phrases": {},
    "grounds": {},
    "shapes": {"circle": "circle"},
    "styles": {"3d": [6], "line art": [7]},
    "black_and_white": ["in black and white"],
    "shown": {"dog": [1, 2, 6], "red apple": [2, 3], "sailboat": [4]},
    "popular": ["sailboat", "dog", "red apple"],
}


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.json"
    path.write_text(json.dumps(TABLE))
    return Vocabulary.load(path)


@pytest.mark.parametrize(
    ("text", "things", "exact"),
    [
        ("a dog", ("dog",), True),
        ("Ein HUND", ("dog",), True),
        ("two dogs and a yacht", ("dog", "sailboat"), False),
        ("a puppy", ("dog",), False),
        ("a hound", ("dog",), True),
        ("saliboat", ("sailboat",), False),
        ("aples", ("red apple",), False),
        ("a redd dog", ("dog",), False),
        ("a bleu circel", (), False),
        ("a redd aple", ("red apple",), False),
        ("red apple", ("red apple",), True),
        ("犬とヨット", ("dog", "sailboat"), True),
        ("ばらと犬", ("rose", "dog"), True),
        ("a blue circle", (), True),
        ("a rose", ("rose",), True),
        ("a dog on rose", ("dog",), True),
        ("hello", ("waving hand",), False),
        ("hello dog", ("dog",), True),
        ("por favor, a dog", ("dog",), True),
    ],
)
def test_names_synonyms_plurals_and_typos_are_recognised(
    vocabulary: Vocabulary, text: str, things: tuple[str, ...], exact: bool
) -> None:
    understood = vocabulary.understand(text)
    assert (understood.things, understood.exact) == (things, exact)
    assert not understood.empty


def test_unknown_words_are_empty_and_get_three_suggestions(vocabulary: Vocabulary) -> None:
    understood = vocabulary.understand("xqzwv brlmpf")
    assert understood.empty
    assert understood.unknown == ("xqzwv", "brlmpf")
    assert vocabulary.suggestions("the xqzwv on a lake", "en") == ["sailboat", "dog", "red apple"]
    assert vocabulary.suggestions("two handwavings on a lake", "en")[0] == "waving hand"
    assert vocabulary.suggestions("xqzwv", "de") == ["Segelboot", "Hund", "roter Apfel"]
    assert vocabulary.suggestions("segelboote", "de")[0] == "Segelboot"


def test_other_words_are_not_corrected_to_names(vocabulary: Vocabulary) -> None:
    """A typo keeps the first letter, and a short word with a wrong letter is another word."""
    assert vocabulary.understand("a nose, a ruse").things == ()


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("ein Hund, por favor", True),
        ("a sail boat and the dog", True),
        ("a dog on blue", False),
        ("a puppy", False),
        ("a dog, qwzx", False),
        ("a blue circle", False),
    ],
)
def test_a_prompt_is_complete_if_names_cover_all_of_it(
    vocabulary: Vocabulary, text: str, complete: bool
) -> None:
    assert vocabulary.understand(text).complete is complete


@given(st.text(max_size=60))
def test_any_text_is_understood_as_known_things(vocabulary: Vocabulary, text: str) -> None:
    understood = vocabulary.understand(text)
    assert set(understood.things) <= TABLE["labels"]["en"].keys()


def test_a_file_without_a_vocabulary_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text('{"labels": []}')
    with pytest.raises(ValueError, match="not a vocabulary"):
        Vocabulary.load(path)


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("ein Hund, bitte", "dog"),
        ("犬とヨット", "dog sailboat"),
        ("a yacht", "yacht"),
        ("a sail boat", "sailboat"),
        ("a saliboat", "sailboat"),
        ("a blue circle", "blue circle"),
        ("a bleu circel", "blue circle"),
    ],
)
def test_names_are_translated_into_english_and_synonyms_kept(
    vocabulary: Vocabulary, text: str, english: str
) -> None:
    assert vocabulary.in_english(text) == english


def test_words_for_a_style_are_found_in_any_position(vocabulary: Vocabulary) -> None:
    assert vocabulary.styles_of(["a dog", "3D rendering"]) == (6,)
    assert vocabulary.styles_of(["a 3d dog"]) == (6,)
    assert vocabulary.styles_of(["a dog"]) == ()


def test_a_word_for_a_style_is_left_to_the_prior(vocabulary: Vocabulary) -> None:
    for text in ("a dog, line art", "a 3d dog"):
        assert vocabulary.in_english(text) == "dog"
        assert vocabulary.understand(text).complete
    assert vocabulary.in_english("3d") == "3d"
    assert vocabulary.understand("line art").modifiers == ("line art",)


def test_things_are_rendered_in_styles_that_show_all_of_them(vocabulary: Vocabulary) -> None:
    assert vocabulary.styles_that_show(["a puppy"]) == (1, 2, 6)
    assert vocabulary.styles_that_show(["a dog", "an apple"]) == (2,)
    assert vocabulary.styles_that_show(["a dog and a yacht"]) == (1, 2, 4, 6)
    assert vocabulary.styles_that_show(["a circle"]) == ()


@pytest.fixture(scope="module")
def vocabulary_with_descriptions(vocabulary: Vocabulary) -> Vocabulary:
    """The vocabulary with descriptions, and word vectors with an axis for each of three things."""
    dog, apple, boat = np.eye(3, dtype=np.float32)
    words = {
        **{"dog": dog, "puppy": dog, "barks": dog, "furry": dog},
        **{"red": apple / 10, "fruit": apple, "tree": apple + boat / 2},
        **{"yacht": boat, "wind": boat, "boat": boat, "sailcoat": -dog},
    }
    vectors = WordVectors(tuple(words), np.stack(list(words.values())))
    texts = {"dog": ["dog", "a furry puppy that barks at the postman"],
             "red apple": ["red apple", "the fruit of a tree"],
             "sailboat": ["sailboat", "a boat, or yacht, that needs wind"]}  # fmt: skip
    lexicon = replace(vocabulary.lexicon, is_word=vectors.knows)
    return replace(vocabulary, lexicon=lexicon, descriptions=Descriptions({"en": texts}, vectors))


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("something furry that barks", ("dog",)),
        ("the fruit of this tree", ("red apple",)),
        ("puppy sail, goes with the wind, a boat, the wind", ("sailboat",)),
        ("a dog that needs wind like a boat", ("dog",)),
        ("a puppy and a yacht", ("dog", "sailboat")),
        ("a puppy", ("dog",)),
        ("a red puppy, qwzx", ("dog",)),
        ("a boat dog", ("dog",)),
        ("a blue circle in the wind", ()),
        ("red", ()),
        ("qwzx", ()),
    ],
)
def test_a_description_means_the_thing_nearest_to_its_words(
    vocabulary_with_descriptions: Vocabulary, text: str, things: tuple[str, ...]
) -> None:
    assert vocabulary_with_descriptions.understand(text).things == things


def test_a_description_is_not_exact_and_is_rendered_as_the_thing(
    vocabulary_with_descriptions: Vocabulary,
) -> None:
    understood = vocabulary_with_descriptions.understand("something furry that barks, red")
    assert not understood.exact
    assert not understood.unknown
    assert vocabulary_with_descriptions.in_english("something furry that barks, red") == "red dog"


def test_a_correctly_spelled_word_is_not_a_typo(
    vocabulary: Vocabulary, vocabulary_with_descriptions: Vocabulary
) -> None:
    assert vocabulary.understand("a sailcoat").things == ("sailboat",)
    assert vocabulary_with_descriptions.understand("a sailcoat").things == ()


def test_suggestions_have_a_similar_meaning(vocabulary_with_descriptions: Vocabulary) -> None:
    assert vocabulary_with_descriptions.suggestions("xqzwv wind")[0] == "sailboat"


def test_a_landscape_of_the_included_model_is_not_a_description() -> None:
    included = vocabulary_of("picturebook")
    assert included
    for text in ("the moon over snowy hills at night", "rolling hills", "a starry night"):
        found = included.understand(text)
        assert (found.things, found.unknown) == ((), ()), text
    assert included.understand("rolling eyes").things == ("face with rolling eyes",)


@pytest.mark.parametrize(
    ("prompt", "thing", "asked"),
    [
        ("a pig in black and white", "pig", True),
        ("a black and white photo of a cat", "cat", True),
        ("ein Hund in Schwarz-Weiß", "dog", True),
        ("un gato en blanco y negro", "cat", True),
        ("un chat en noir et blanc", "cat", True),
        ("モノクロの猫", "cat", True),
        ("a black and white cow", "cow", False),
        ("a cat in black boots and white socks", "", False),
    ],
)
def test_black_and_white_is_how_an_image_looks_and_no_thing(
    prompt: str, thing: str, asked: bool
) -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    assert vocabulary.asks_for_black_and_white([prompt]) is asked
    if thing:
        assert vocabulary.understand(prompt).things == (thing,)


def test_black_and_white_alone_is_a_prompt() -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    assert vocabulary.without_black_and_white("in black and white") == "in black and white"
