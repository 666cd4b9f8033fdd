"""The image check: how much an image shows a concept, by the CLIP that it is painted with.

The score of a concept is the cosine similarity of the image to it, minus that to the most similar
of the neutral phrases in `engine/phrases.toml`. An image of something else is nearer to one of
those. `bench.quality.image_check` measures both errors, and chooses the default threshold.
"""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.perceptor import Perceptor


class ImageCheck:
    """Scores images with one perceptor; keeps the embeddings of phrases. Its methods block."""

    def __init__(self, perceptor: Perceptor, neutral: Sequence[str], device: torch.device) -> None:
        self._perceptor, self._neutral, self._device = perceptor, tuple(neutral), device
        self._concepts: dict[tuple[str, ...], Tensor] = {}

    @torch.no_grad()
    def scores(self, pixels: Tensor, concepts: Sequence[str]) -> dict[str, float]:
        """(images, 3, h, w) from 0 to 1 → for each concept the highest score of an image."""
        side = self._perceptor.resolution
        seen = F.interpolate(
            pixels.to(self._device).float(), (side, side), mode="bilinear", antialias=True
        )
        features = self._perceptor.embed_images(seen.clamp(0, 1)).float()
        others = (features @ self._neutral_embeddings.T).amax(1, keepdim=True)
        margins = features @ self._embedded(tuple(concepts)).T - others
        return dict(zip(concepts, margins.amax(0).tolist(), strict=True))

    @cached_property
    def _neutral_embeddings(self) -> Tensor:
        return self._perceptor.embed_texts(self._neutral).float()

    def _embedded(self, concepts: tuple[str, ...]) -> Tensor:
        """Cached, because all jobs of a server have the same concepts."""
        if concepts not in self._concepts:
            if len(self._concepts) >= 16:
                self._concepts.clear()
            self._concepts[concepts] = self._perceptor.embed_texts(concepts).float()
        return self._concepts[concepts]
