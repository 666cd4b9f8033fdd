"""The perceptor says how near a picture and a text are; here is what one is, and OpenAI's CLIP.

Source of the model: Radford et al., "Learning Transferable Visual Models From Natural Language
Supervision" (2021), and OpenAI's package, whose `build_model` reads the architecture from the
weights' shapes.
"""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.checkpoints import ClipCheckpoint, read_clip, reading

with warnings.catch_warnings():
    # clip asks a deprecated package for torch's version; there is nothing a host could do.
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
    from clip.model import build_model
    from clip.simple_tokenizer import SimpleTokenizer, basic_clean, whitespace_clean

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that CLIP was trained on, for each of red, green and blue."""

START, END = 49_406, 49_407
"""The tokens that CLIP puts around every text; the highest one is where it reads the meaning."""

STOP_WORDS = frozenset(
    word
    for line in (
        "a an and at background by drawing during image in is it many next of on one over photo",
        "picture some something stamped that the there this to under with",
    )
    for word in line.split()
)
"""Words that say nothing of what is in a picture."""


class Perceptor(Protocol):
    """What the renderer asks of a perceptor. Embeddings have unit length and are float32.

    `words` are the words it was taught, for a perceptor of few words; None when it takes any.
    """

    resolution: int
    words: frozenset[str] | None

    @property
    def image_encoders(self) -> list[nn.Module]:
        """The networks that look at cutouts."""

    def embed_images(self, cutouts: Tensor) -> Tensor:
        """(n, 3, resolution, resolution) from 0 to 1 → (n, d); the gradient passes through."""

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """n texts → (n, d). What exceeds its context is left out: `truncated_words`."""

    def truncated_words(self, text: str) -> list[str]:
        """The words at the end of a long text that the embedding does not see."""

    def knows(self, text: str) -> bool:
        """Whether any word of the text tells this perceptor what should be in the picture."""

    def unknown_words(self, text: str) -> list[str]:
        """The words of the text that this perceptor was never taught, each once, in order."""


class ClipPerceptor(nn.Module):
    """OpenAI's CLIP as a Perceptor: frozen; float32 unless it is converted."""

    def __init__(self, checkpoint: ClipCheckpoint) -> None:
        super().__init__()
        # build_model halves the precision, which is for GPUs alone.
        self.clip = build_model(dict(checkpoint.state)).float().eval().requires_grad_(False)
        self.resolution: int = self.clip.visual.input_resolution
        self.words: frozenset[str] | None = None
        if checkpoint.words is not None:
            self.words = frozenset(filter(str.isalnum, checkpoint.words)) - STOP_WORDS
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        self._tokenizer = SimpleTokenizer()

    @property
    def image_encoders(self) -> list[nn.Module]:
        """The network that looks at cutouts."""
        return [self.clip.visual]

    def embed_images(self, cutouts: Tensor) -> Tensor:
        """(n, 3, resolution, resolution) from 0 to 1 → (n, d); the gradient passes through."""
        seen: Tensor = self.clip.encode_image((cutouts - self.mean) / self.std)
        return F.normalize(seen.float(), dim=-1)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """n texts → (n, d). What exceeds CLIP's context is left out: `truncated_words`."""
        tokens = torch.zeros(len(texts), self.clip.context_length, dtype=torch.long)
        for row, text in zip(tokens, texts, strict=True):
            ids = [START, *self._tokens(_cleaned(text))[: self._room], END]
            row[: len(ids)] = torch.tensor(ids)
        embedded: Tensor = self.clip.encode_text(tokens.to(self.mean.device))
        return F.normalize(embedded.float(), dim=-1)

    def truncated_words(self, text: str) -> list[str]:
        """The words at the end of a long text that the embedding does not see, or not whole."""
        words = _cleaned(text).split()
        room = self._room
        for place, word in enumerate(words):
            room -= len(self._tokens(word))
            if room < 0:
                return words[place:]
        return []

    def knows(self, text: str) -> bool:
        """Whether any word of the text tells this perceptor what should be in the picture."""
        return self.words is None or not self.words.isdisjoint(_words(text))

    def unknown_words(self, text: str) -> list[str]:
        """The words of the text that this perceptor was never taught, each once, in order."""
        if self.words is None:
            return []
        return [word for word in dict.fromkeys(_words(text)) if word not in self.words | STOP_WORDS]

    @property
    def _room(self) -> int:
        """Tokens of a text that CLIP sees: its context without the start and the end."""
        context: int = self.clip.context_length
        return context - 2

    def _tokens(self, text: str) -> list[int]:
        """CLIP's byte pairs, which never reach across words.

        Its own marks are left out: written into a prompt, they would end it there.
        """
        return [token for token in self._tokenizer.encode(text) if token < START]


def read_perceptor(weights: Path, mend: str) -> ClipPerceptor:
    """The perceptor in a file of CLIP's weights, on the CPU.

    Raises WeightsError, which names the file and `mend`, the command that mends it.
    """
    with reading(weights, mend):
        return ClipPerceptor(read_clip(weights))


def _cleaned(text: str) -> str:
    cleaned: str = whitespace_clean(basic_clean(text))
    return cleaned


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
