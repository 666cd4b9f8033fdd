"""Word vectors, with embeddings along three axes: water, sky and neither."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.understanding.word_vectors import WordVectors
from training.data.concepts import LANGUAGES, Concept
from training.data.teachers import SENTENCE_WIDTH
from training.schedule import Timed, trainer
from training.stages import word_vectors
from training.stages.word_vectors import (
    WordVectorTraining,
    count_words,
    foreign_vectors,
    initial_vectors,
    write,
)


def unit_vectors(*axes: int) -> Tensor:
    return F.one_hot(torch.tensor(axes), SENTENCE_WIDTH).float()


def concept(name: str, german: str, keyword: str) -> Concept:
    names = {language: german if language == "de" else name for language in LANGUAGES}
    keywords = {lang: (keyword,) if lang == "de" else () for lang in LANGUAGES}
    return Concept(name, 0, names, keywords)


def test_words_of_enough_texts_and_words_of_names_are_counted() -> None:
    counts = count_words(["a river dam", "the dam wall"] * 5 + ["one bank"], ["River bank"])
    assert list(counts.items()) == [
        *[("a", 5), ("bank", 1), ("dam", 10), ("river", 5), ("the", 5), ("wall", 5)]
    ]


def test_rare_words_start_with_longer_vectors() -> None:
    lengths = initial_vectors(unit_vectors(0, 1, 2), [1, 10, 10_000], texts=100_000).norm(dim=1)
    assert lengths[0] > lengths[1] > lengths[2] > 0


@pytest.mark.slow
def test_words_learn_to_point_where_their_texts_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(word_vectors, "STEPS", 150)
    texts = [[0, 2], [1, 2], [0], [1]]  # water, sky; row 2 is in both
    module = WordVectorTraining(
        texts, unit_vectors(0, 1, 0, 1), torch.randn(3, SENTENCE_WIDTH) / 20
    )
    trainer(Timed(5, 1e-2), tmp_path, "cpu").fit(module)
    assert module.global_step >= 150
    learned = F.normalize(module.vectors.weight.detach(), dim=1)
    assert learned[0, 0] > 0.8
    assert learned[1, 1] > 0.8


def test_words_of_other_languages_mean_the_things_that_they_name() -> None:
    things = [concept("beaver", "Biber", "Tier"), concept("bird", "Vogel", "Tier")]
    found = foreign_vectors(things, unit_vectors(0, 1), {"beaver", "bird"})
    assert set(found) == {"biber", "vogel", "tier"}
    assert torch.equal(found["biber"].sign(), unit_vectors(0)[0])
    assert found["tier"].norm() < found["biber"].norm()


def test_the_file_preserves_which_vectors_are_near(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    words = {"dam": unit_vectors(0)[0], "wings": unit_vectors(1)[0] / 2, "fur": unit_vectors(0)[0]}
    write(path, words, unit_vectors(0, 1))
    vectors = WordVectors.load(path)
    assert vectors.sum_of("dam") @ vectors.sum_of("fur") > 0.99
    assert vectors.sum_of("dam wings") @ vectors.sum_of("dam") > 0.8
    assert abs(vectors.sum_of("dam") @ vectors.sum_of("wings")) < 0.1
