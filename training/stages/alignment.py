"""A common space for texts and images: two small heads over two frozen networks.

Locked-image tuning (Zhai et al., "LiT", 2022) with both sides locked: the sentence embedding of a
caption and the ImageNet features of its image are mapped into one space. CLIP's two towers then
learn to map into that space.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.teachers import SENTENCE_WIDTH, ImageNetFeatures

WIDTH = 384
"""The dimension of the common space."""

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


def _head(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width), nn.GELU(), nn.Dropout(0.1), nn.Linear(width, WIDTH)
    )


def contrastive_loss(images: Tensor, texts: Tensor, same: Tensor) -> Tensor:
    """Cross-entropy in both directions; `same` (n, n) marks captions that are right, too."""
    logits = images @ texts.t() / TEMPERATURE
    logits = logits.masked_fill(same & ~torch.eye(len(same), dtype=torch.bool), -1e4)
    answers = torch.arange(len(images))
    return (F.cross_entropy(logits, answers) + F.cross_entropy(logits.t(), answers)) / 2


def train_alignment(
    alignment: Alignment,
    features: Tensor,
    sentences: Tensor,
    captions: Tensor,
    names: Tensor,
    concepts: Tensor,
    steps: int = 700,
    batch: int = 768,
    learning_rate: float = 1e-3,
) -> None:
    """Trains both heads in place, in a few minutes on a CPU.

    `features` (n, 1280) are those of scenes, `sentences` (m, SENTENCE_WIDTH) those of captions, and
    `captions` (n, k) the right ones for each scene. `names` (c, SENTENCE_WIDTH) are those of all
    names, and `concepts` (n,) is which of them a scene shows, or -1.
    """
    alignment.mean.copy_(features.mean(0))
    alignment.std.copy_(features.std(0) + 1e-3)
    optimizer = torch.optim.AdamW(alignment.parameters(), learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, steps)
    noise = 0.1 * alignment.std
    for _ in range(steps):
        rows = torch.randint(len(features), (batch,))
        chosen = captions[rows, torch.randint(captions.shape[1], (batch,))]
        noisy = features[rows] + noise * torch.randn(batch, features.shape[1])
        with torch.autocast("cpu", torch.bfloat16):
            images, texts = alignment.embed_images(noisy), alignment.embed_texts(sentences[chosen])
            named = alignment.embed_texts(names)
        loss = contrastive_loss(images.float(), texts.float(), chosen[:, None] == chosen)
        single = concepts[rows] >= 0
        by_name = images.float()[single] @ named.float().t() / TEMPERATURE
        loss = loss + 0.5 * F.cross_entropy(by_name, concepts[rows][single])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def recover_alignment(
    alignment: Alignment,
    sentences: Tensor,
    targets: Tensor,
    steps: int = 1500,
    batch: int = 1024,
    learning_rate: float = 1e-3,
) -> float:
    """Trains the text head in place to map into the space of a finished text tower.

    `sentences` (n, SENTENCE_WIDTH) are sentence embeddings of texts, `targets` (n, WIDTH) that
    tower's. Returns the mean cosine reached, at best 1.
    """
    trained = [*alignment.text.parameters(), *alignment.text_skip.parameters()]
    optimizer = torch.optim.AdamW(trained, learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, steps)
    for _ in range(steps):
        rows = torch.randint(len(sentences), (batch,))
        loss = 1 - (alignment.embed_texts(sentences[rows]) * targets[rows]).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    alignment.eval()
    with torch.no_grad():
        return float((alignment.embed_texts(sentences) * targets).sum(1).mean())
