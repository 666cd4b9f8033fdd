"""The image check: scores how strongly an image shows a concept, with the model's own CLIP.

The score of a concept is the image's cosine similarity to it, minus that to the most similar of the
neutral phrases in `engine/phrases.toml`. An image of something else is closer to one of those.
`bench.quality.image_check` measures false negatives and positives, and chooses the default
threshold.
"""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.perceptor import Perceptor


class ImageCheck:
    """Scores images with one perceptor; caches the embeddings of phrases. Its methods block."""

    def __init__(self, perceptor: Perceptor, neutral: Sequence[str], device: torch.device) -> None:
        self._perceptor, self._neutral, self._device = perceptor, tuple(neutral), device
        self._concepts: dict[tuple[str, ...], Tensor] = {}

    @torch.no_grad()
    def scores(self, pixels: Tensor, concepts: Sequence[str]) -> dict[str, float]:
        """(images, 3, h, w) from 0 to 1 → the highest score of any image, for each concept."""
        side = self._perceptor.resolution
        resized = F.interpolate(
            pixels.to(self._device).float(), (side, side), mode="bilinear", antialias=True
        )
        features = self._perceptor.embed_images(resized.clamp(0, 1)).float()
        others = (features @ self._neutral_embeddings.T).amax(1, keepdim=True)
        margins = features @ self._embed_concepts(tuple(concepts)).T - others
        return dict(zip(concepts, margins.amax(0).tolist(), strict=True))

    @cached_property
    def _neutral_embeddings(self) -> Tensor:
        return self._perceptor.embed_texts(self._neutral).float()

    def _embed_concepts(self, concepts: tuple[str, ...]) -> Tensor:
        """Cached, because all jobs of a server have the same concepts."""
        if concepts not in self._concepts:
            if len(self._concepts) >= 16:
                self._concepts.clear()
            self._concepts[concepts] = self._perceptor.embed_texts(concepts).float()
        return self._concepts[concepts]
