"""Which thing a description means, tested with handmade word vectors."""

from pathlib import Path

import numpy as np
import pytest

from core.understanding.word_vectors import WordVectors

VECTORS = WordVectors(
    words=("dam", "fur", "water", "the", "鳥", "水鳥"),
    vectors=np.array(
        [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0.01, 0, 0], [0, 0, 1], [0, 1, 1]], np.float32
    ),
    names=("beaver", "fish", "bird"),
    things=np.eye(3, dtype=np.float32),
)


def test_the_sum_of_the_words_finds_the_thing() -> None:
    assert VECTORS.nearest("the furry one builds dams")[0] == "beaver"
    assert VECTORS.nearest("the water")[0] == "fish"
    nearest = VECTORS.nearest_things("dam dam water", 3)
    assert [name for name, _ in nearest] == ["beaver", "fish", "bird"]


def test_words_without_vectors_are_ignored() -> None:
    assert VECTORS.nearest("qwzx") == ("", 0.0)
    assert VECTORS.nearest("") == ("", 0.0)
    assert VECTORS.nearest("qwzx dams") == VECTORS.nearest("dam")
    assert not VECTORS.knows("qwzx")
    assert VECTORS.knows("dams")


def test_the_longest_words_are_found_in_text_without_spaces() -> None:
    assert list(VECTORS.words_of("赤い水鳥と鳥")) == ["水鳥", "鳥"]


def test_a_file_keeps_the_directions_and_weights_of_words(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    VECTORS.save(path)
    read = WordVectors.load(path)
    assert (read.words, read.names) == (VECTORS.words, VECTORS.names)
    np.testing.assert_allclose(read.vectors, VECTORS.vectors, atol=0.01)
    np.testing.assert_allclose(np.linalg.norm(read.things, axis=1), 1, atol=1e-5)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, numbers=np.zeros(3))
    with pytest.raises(ValueError, match="no word vectors"):
        WordVectors.load(path)
