"""The sum of word vectors, tested with handmade ones."""

from pathlib import Path

import numpy as np
import pytest

from core.understanding.word_vectors import WordVectors

VECTORS = WordVectors(
    words=("dam", "fur", "water", "the", "鳥", "水鳥"),
    vectors=np.array(
        [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0.01, 0, 0], [0, 0, 1], [0, 1, 1]], np.float32
    ),
)


def test_long_vectors_decide_the_direction_of_a_sum() -> None:
    np.testing.assert_allclose(VECTORS.sum_of("the water"), [0, 1, 0], atol=0.02)
    np.testing.assert_allclose(VECTORS.sum_of("dam water"), [0.71, 0.71, 0], atol=0.01)


def test_words_without_vectors_are_ignored() -> None:
    assert not VECTORS.sum_of("qwzx").any()
    assert not VECTORS.sum_of("").any()
    np.testing.assert_array_equal(VECTORS.sum_of("qwzx dams"), VECTORS.sum_of("dam"))
    assert not VECTORS.knows("qwzx")
    assert VECTORS.knows("dams")


def test_the_longest_words_are_found_in_text_without_spaces() -> None:
    assert list(VECTORS.words_of("赤い水鳥と鳥")) == ["水鳥", "鳥"]


def test_a_file_keeps_the_directions_and_weights_of_words(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    VECTORS.save(path)
    read = WordVectors.load(path)
    assert read.words == VECTORS.words
    np.testing.assert_allclose(read.vectors, VECTORS.vectors, atol=0.01)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, numbers=np.zeros(3))
    with pytest.raises(ValueError, match="no word vectors"):
        WordVectors.load(path)
