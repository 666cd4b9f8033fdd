"""Perceptors measure the similarity of images and texts: the protocol, and OpenAI's CLIP.

Source of the model: Radford et al., "Learning Transferable Visual Models From Natural Language
Supervision" (2021), and OpenAI's package, whose `build_model` reads the architecture from the
weights' shapes. The CLIP of `picturebook` has a different image tower: see `locked_clip`.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import torch
from clip.model import CLIP, build_model
from clip.simple_tokenizer import SimpleTokenizer, basic_clean, whitespace_clean
from torch import Tensor, nn
from torch.nn import functional as F

from core.understanding.vocabulary import Vocabulary
from engine.models.checkpoints import ClipCheckpoint, read_clip, reading
from engine.models.locked_clip import MEAN, STD, build_locked_clip, is_locked

START, END = 49_406, 49_407
"""CLIP's start and end tokens; the text embedding is read at the end token, the highest id."""

STOP_WORDS = frozenset(
    word
    for line in (
        "a an and at background by drawing during image in is it many next of on one over photo",
        "picture some something stamped that the there this to under with",
    )
    for word in line.split()
)
"""Words that don't say what an image shows."""


@cache
def clip_tokenizer() -> SimpleTokenizer:
    """Cached, because it reads 48,000 byte pairs."""
    return SimpleTokenizer()


class Perceptor(Protocol):
    """What the renderer needs from a perceptor. Embeddings are float32 and have unit length.

    `words` is the vocabulary of a perceptor that was trained on few words; None if it accepts any.
    """

    resolution: int
    words: frozenset[str] | None

    @property
    def image_encoders(self) -> list[nn.Module]:
        """The networks that embed images."""

    def embed_images(self, cutouts: Tensor) -> Tensor:
        """(n, 3, resolution, resolution) from 0 to 1 → (n, d); the gradient passes through."""

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """n texts → (n, d). Texts are truncated to the context: see `truncated_words`."""

    def truncated_words(self, text: str) -> list[str]:
        """The words that are truncated from the end of a long text."""

    def knows(self, text: str) -> bool:
        """Whether the perceptor knows any word of the text."""

    def unknown_words(self, text: str) -> list[str]:
        """The words of the text that the perceptor does not know, in order, without duplicates."""


class ClipPerceptor(nn.Module):
    """OpenAI's CLIP: frozen, float32 unless converted.

    With a vocabulary, the things in a text are replaced with their English names, which the text
    encoder knows best, and unknown words are left out. Without a thing, if there are unknown words,
    the embedding is the mean of this version and the original text.
    """

    def __init__(self, checkpoint: ClipCheckpoint, vocabulary: Vocabulary | None = None) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        # build_model converts to float16, which only suits GPUs.
        self.clip = _build(checkpoint.state).float().eval().requires_grad_(False)
        self.resolution: int = self.clip.visual.input_resolution
        self.words: frozenset[str] | None = None
        if checkpoint.words is not None:
            self.words = frozenset(filter(str.isalnum, checkpoint.words)) - STOP_WORDS
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        self._tokenizer = clip_tokenizer()

    @property
    def image_encoders(self) -> list[nn.Module]:
        """The image encoder."""
        return [self.clip.visual]

    def embed_images(self, cutouts: Tensor) -> Tensor:
        """(n, 3, resolution, resolution) from 0 to 1 → (n, d); the gradient passes through."""
        features: Tensor = self.clip.encode_image((cutouts - self.mean) / self.std)
        return F.normalize(features.float(), dim=-1)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """n texts → (n, d). Texts are truncated to CLIP's context: see `truncated_words`."""
        embedded = self._encode(texts)
        if not self.vocabulary:
            return embedded
        english = self._encode([self.vocabulary.in_english(text) for text in texts])
        understood = [self.vocabulary.understand(text) for text in texts]
        unclear = [not (each.complete or each.things) for each in understood]
        weights = torch.tensor(unclear, dtype=torch.bool, device=embedded.device)[:, None]
        return F.normalize(english + weights * embedded, dim=-1)

    def _encode(self, texts: Sequence[str]) -> Tensor:
        all_ids = [
            [START, *self._tokens(_cleaned(text))[: self._max_tokens], END] for text in texts
        ]
        # Pads only to the longest text: attention is causal, so what follows END has no effect.
        tokens = torch.zeros(len(texts), max(map(len, all_ids), default=2), dtype=torch.long)
        for row, ids in zip(tokens, all_ids, strict=True):
            row[: len(ids)] = torch.tensor(ids)
        embedded: Tensor = self.clip.encode_text(tokens.to(self.mean.device))
        return F.normalize(embedded.float(), dim=-1)

    def truncated_words(self, text: str) -> list[str]:
        """The words that are truncated, completely or partly, from the end of a long text."""
        words = _cleaned(text).split()
        left = self._max_tokens
        for index, word in enumerate(words):
            left -= len(self._tokens(word))
            if left < 0:
                return words[index:]
        return []

    def knows(self, text: str) -> bool:
        """Whether the perceptor knows any word of the text."""
        return self.words is None or not self.words.isdisjoint(_words(text))

    def unknown_words(self, text: str) -> list[str]:
        """The words of the text that the perceptor does not know, in order, without duplicates."""
        if self.words is None:
            return []
        return [word for word in dict.fromkeys(_words(text)) if word not in self.words | STOP_WORDS]

    @property
    def _max_tokens(self) -> int:
        """The length of CLIP's context without the start and end tokens."""
        context: int = self.clip.context_length
        return context - 2

    def _tokens(self, text: str) -> list[int]:
        """CLIP's byte-pair tokens, which never span words.

        Special tokens are left out: in a prompt, they would end the text.
        """
        return [token for token in self._tokenizer.encode(text) if token < START]


def _build(state: Mapping[str, Tensor]) -> CLIP:
    return build_locked_clip(state) if is_locked(state) else build_model(dict(state))


def read_perceptor(
    weights: Path, fix_command: str, vocabulary: Vocabulary | None = None
) -> ClipPerceptor:
    """Loads a perceptor from a file with CLIP's weights, on the CPU.

    Raises WeightsError, which names the file and `fix_command`, the command that repairs it.
    """
    with reading(weights, fix_command):
        return ClipPerceptor(read_clip(weights), vocabulary)


def _cleaned(text: str) -> str:
    cleaned: str = whitespace_clean(basic_clean(text))
    return cleaned


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
