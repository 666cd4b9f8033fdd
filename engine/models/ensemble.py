"""Several perceptors as one, each with its weight."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.perceptor import Perceptor


class Ensemble(nn.Module):
    """A Perceptor whose cosines are the weighted means of its members' cosines.

    An embedding is the members' embeddings side by side, each times the square root of its share of
    the weight: so the whole has unit length again, and the dot product of two of them is the sum of
    the members' cosines times their shares.
    """

    def __init__(self, members: Sequence[tuple[Perceptor, float]]) -> None:
        """`members` with their weights, which are positive; modules among them move with this."""
        super().__init__()
        total = sum(weight for _, weight in members)
        self._members = [perceptor for perceptor, _ in members]
        self._scales = [math.sqrt(weight / total) for _, weight in members]
        self._modules_of_members = nn.ModuleList(
            member for member in self._members if isinstance(member, nn.Module)
        )
        self.resolution = max(member.resolution for member in self._members)
        known = [member.words for member in self._members]
        self.words: frozenset[str] | None = None
        if all(words is not None for words in known):
            self.words = frozenset().union(*(words or () for words in known))

    @property
    def image_encoders(self) -> list[nn.Module]:
        """The networks that look at cutouts, of all members."""
        return [eye for member in self._members for eye in member.image_encoders]

    def embed_images(self, cutouts: Tensor) -> Tensor:
        """(n, 3, resolution, resolution) from 0 to 1 → (n, d); smaller members see them smaller."""
        return self._joined(
            [member.embed_images(_sized(cutouts, member.resolution)) for member in self._members]
        )

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """n texts → (n, d)."""
        return self._joined([member.embed_texts(texts) for member in self._members])

    def truncated_words(self, text: str) -> list[str]:
        """The words at the end of a long text that not every member sees."""
        return max((member.truncated_words(text) for member in self._members), key=len)

    def knows(self, text: str) -> bool:
        """Whether any member knows any word of the text."""
        return any(member.knows(text) for member in self._members)

    def unknown_words(self, text: str) -> list[str]:
        """The words of the text that no member was taught, each once, in order."""
        first, *others = (member.unknown_words(text) for member in self._members)
        return [word for word in first if all(word in other for other in others)]

    def _joined(self, embeddings: Sequence[Tensor]) -> Tensor:
        scaled = zip(embeddings, self._scales, strict=True)
        return torch.cat([embedding * scale for embedding, scale in scaled], dim=-1)


def _sized(cutouts: Tensor, side: int) -> Tensor:
    if cutouts.shape[-1] == side:
        return cutouts
    return F.interpolate(
        cutouts, (side, side), mode="bilinear", align_corners=False, antialias=True
    )
