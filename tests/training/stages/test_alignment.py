"""The common space of texts and images."""

import torch
from torch.nn import functional as F

from training.data.teachers import SENTENCE_WIDTH
from training.stages.alignment import WIDTH, Alignment, recover_alignment


def test_the_space_of_a_finished_text_tower_is_recovered() -> None:
    torch.manual_seed(0)
    sentences = F.normalize(torch.randn(100, SENTENCE_WIDTH), dim=1)
    embedded = F.normalize(sentences @ torch.randn(SENTENCE_WIDTH, WIDTH), dim=1)
    alignment = Alignment()
    before = (alignment.embed_texts(sentences) * embedded).sum(1).mean()
    reached = recover_alignment(
        alignment, sentences, embedded, steps=60, batch=64, learning_rate=5e-3
    )
    assert before < 0.2
    assert reached > 0.9
