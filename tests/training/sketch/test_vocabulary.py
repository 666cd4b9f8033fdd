"""The rows of the small token table stand for CLIP's own tokens."""

from random import Random

import clip
import pytest
import torch

from engine.models.perceptor import END, START
from training.data.drawn_captions import caption
from training.data.drawn_scenes import random_scene
from training.sketch.vocabulary import UNKNOWN, Vocabulary


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.of_captions()


@pytest.fixture(scope="module")
def texts() -> list[str]:
    random = Random("fresh captions")
    return [caption(random_scene(random), random).text for _ in range(300)]


def test_rows_are_the_tokens_that_clip_would_read(vocabulary: Vocabulary, texts: list[str]) -> None:
    for text, tokens in zip(texts, clip.tokenize(texts), strict=True):
        ids = [vocabulary.known[row - 1] for row in vocabulary.rows(text)]
        assert ids == tokens[tokens > 0].tolist(), text


def test_the_end_of_a_text_is_its_highest_row(vocabulary: Vocabulary, texts: list[str]) -> None:
    rows = vocabulary.tokens(texts, Random(1))
    ends = (rows == vocabulary.size - 1).int()
    assert vocabulary.known[-2:] == (START, END)
    assert ends.sum(1).eq(1).all()
    assert torch.equal(rows.argmax(1), ends.argmax(1))


def test_a_word_that_no_caption_uses_is_unknown(vocabulary: Vocabulary) -> None:
    start, *middle, end = vocabulary.rows("a red zebra")
    assert (start, end) == (vocabulary.size - 2, vocabulary.size - 1)
    assert middle[-1] == UNKNOWN
    assert UNKNOWN not in middle[:2]
