"""A weighted ensemble of perceptors."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.perceptor import Perceptor


class Ensemble(nn.Module):
    """A Perceptor whose cosine similarities are the weighted means of its members'.

    An embedding is the concatenation of the members' embeddings, each scaled by the square root of
    its share of the total weight. So it has unit length, and the dot product of two embeddings is
    the mean of the members' cosine similarities, weighted by their shares.
    """

    def __init__(self, members: Sequence[tuple[Perceptor, float]]) -> None:
        """`members` with positive weights; those that are modules become submodules."""
        super().__init__()
        total = sum(weight for _, weight in members)
        self._members = [perceptor for perceptor, _ in members]
        self._scales = [math.sqrt(weight / total) for _, weight in members]
        self._member_modules = nn.ModuleList(
            member for member in self._members if isinstance(member, nn.Module)
        )
        self.resolution = max(member.resolution for member in self._members)
        known = [member.words for member in self._members]
        self.words: frozenset[str] | None = None
        if all(words is not None for words in known):
            self.words = frozenset().union(*(words or () for words in known))

    @property
    def image_encoders(self) -> list[nn.Module]:
        """The image encoders of all members."""
        return [encoder for member in self._members for encoder in member.image_encoders]

    def embed_images(self, cutouts: Tensor) -> Tensor:
        """(n, 3, resolution, resolution) from 0 to 1 → (n, d); resized for smaller members."""
        return self._concatenate(
            [member.embed_images(_resize(cutouts, member.resolution)) for member in self._members]
        )

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """n texts → (n, d)."""
        return self._concatenate([member.embed_texts(texts) for member in self._members])

    def truncated_words(self, text: str) -> list[str]:
        """The words that any member truncates from the end of a long text."""
        return max((member.truncated_words(text) for member in self._members), key=len)

    def knows(self, text: str) -> bool:
        """Whether any member knows any word of the text."""
        return any(member.knows(text) for member in self._members)

    def unknown_words(self, text: str) -> list[str]:
        """The words of the text that no member knows, in order, without duplicates."""
        first, *others = (member.unknown_words(text) for member in self._members)
        return [word for word in first if all(word in other for other in others)]

    def _concatenate(self, embeddings: Sequence[Tensor]) -> Tensor:
        scaled = zip(embeddings, self._scales, strict=True)
        return torch.cat([embedding * scale for embedding, scale in scaled], dim=-1)


def _resize(cutouts: Tensor, side: int) -> Tensor:
    if cutouts.shape[-1] == side:
        return cutouts
    return F.interpolate(
        cutouts, (side, side), mode="bilinear", align_corners=False, antialias=True
    )
