"""A common space for texts and images: two small networks over two frozen ones.

Locked-image tuning (Zhai et al., "LiT", 2022) with both sides locked: what the sentence encoder
says of a caption and what the ImageNet network says of its image are mapped into one space. CLIP's
two towers then learn to get there by themselves.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.teachers import SENTENCE_WIDTH, ImageNetFeatures

WIDTH = 384
"""Numbers in an embedding of the common space."""

TEMPERATURE = 0.04


class Alignment(nn.Module):
    """`embed_texts` and `embed_images` map the teachers' outputs to unit vectors (n, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.text = _head(SENTENCE_WIDTH, 768)
        self.text_skip = nn.Linear(SENTENCE_WIDTH, WIDTH)
        self.image = _head(ImageNetFeatures.WIDTH, 1024)
        self.register_buffer("mean", torch.zeros(ImageNetFeatures.WIDTH))
        self.register_buffer("std", torch.ones(ImageNetFeatures.WIDTH))
        self.mean: Tensor
        self.std: Tensor

    def embed_texts(self, sentences: Tensor) -> Tensor:
        """The sentence encoder's embeddings (n, SENTENCE_WIDTH) → (n, WIDTH)."""
        scaled = sentences * SENTENCE_WIDTH**0.5
        return F.normalize(self.text(scaled) + self.text_skip(scaled), dim=-1)

    def embed_images(self, features: Tensor) -> Tensor:
        """The ImageNet network's pooled features (n, 1280) → (n, WIDTH)."""
        return F.normalize(self.image((features - self.mean) / self.std), dim=-1)


def _head(entering: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(entering, width), nn.GELU(), nn.Dropout(0.1), nn.Linear(width, WIDTH)
    )


def contrastive_loss(images: Tensor, texts: Tensor, same: Tensor) -> Tensor:
    """Cross-entropy in both directions; `same` (n, n) says which captions are also right."""
    logits = images @ texts.t() / TEMPERATURE
    logits = logits.masked_fill(same & ~torch.eye(len(same), dtype=torch.bool), -1e4)
    answers = torch.arange(len(images))
    return (F.cross_entropy(logits, answers) + F.cross_entropy(logits.t(), answers)) / 2
