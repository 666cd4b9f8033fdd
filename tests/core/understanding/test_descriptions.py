"""Which thing a text describes, tested with handmade word vectors and descriptions."""

import numpy as np
import pytest

from core.understanding.descriptions import Descriptions
from core.understanding.word_vectors import WordVectors

ANIMAL, WATER, SKY = np.eye(3, dtype=np.float32)
WORDS = {
    **{"animal": ANIMAL, "furry": ANIMAL, "beast": ANIMAL, "rodent": ANIMAL},
    **{"water": WATER, "swims": WATER, "sea": WATER, "feathers": SKY, "flies": SKY, "cloud": SKY},
}
TEXTS = {
    "en": {
        "beaver": ["a furry animal that builds dams"],
        "fish": ["swims in the water and builds nothing"],
        "bird": ["has feathers and flies"],
    },
    "de": {
        "beaver": ["ein pelziges Tier, das Dämme baut"],
        "fish": ["ein Tier, das im Wasser schwimmt"],
        "bird": ["ein Tier mit Federn, das fliegt"],
    },
    "ja": {"beaver": ["ダムを作る動物"], "fish": ["水の中を泳ぐ"]},
}


@pytest.fixture(scope="module")
def descriptions() -> Descriptions:
    return Descriptions(TEXTS, WordVectors(tuple(WORDS), np.stack(list(WORDS.values()))))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("it builds a dam", "beaver"),
        ("a cloud of feathers", "bird"),
        ("the rodent", "beaver"),
        ("something from the sea", "fish"),
        ("baut einen Damm", "beaver"),
        ("Federn", "bird"),
        ("泳ぐもの", "fish"),
    ],
)
def test_shared_and_related_words_find_the_thing(
    descriptions: Descriptions, text: str, name: str
) -> None:
    assert descriptions.nearest(text)[0] == name


def test_a_text_without_known_words_describes_nothing(descriptions: Descriptions) -> None:
    assert descriptions.nearest("qwzx") == ("", 0.0)
    assert descriptions.nearest("") == ("", 0.0)


def test_a_things_own_description_has_the_highest_score(descriptions: Descriptions) -> None:
    score = dict(descriptions.nearest_things(TEXTS["en"]["bird"][0], 3))
    assert 1.5 < score["bird"] <= 3
    assert all(score["bird"] > 2 * score[other] for other in score.keys() - {"bird"})


def test_rare_words_count_more_than_common_ones(descriptions: Descriptions) -> None:
    assert descriptions.share_described("tier federn", "bird") > 0.9
    assert descriptions.share_of_part("tier federn", "tier") == 0
    assert descriptions.share_of_part("tier federn", "federn") == 1


def test_the_cosine_is_1_for_words_without_vectors(descriptions: Descriptions) -> None:
    assert descriptions.cosine("rodent", "beaver") > 0.9
    assert descriptions.cosine("rodent", "bird") < 0.1
    assert descriptions.cosine("qwzx", "bird") == 1.0
    assert descriptions.cosine("rodent", "unicorn") == 1.0
