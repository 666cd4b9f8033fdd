"""Judges what an image shows: the nearest prototype in the features of an ImageNet network.

Prototypes come from image sets that no shipped network was trained on, and the network (`lite0`)
is another one than the training uses. Features are whitened (Mahalanobis' distance), so that
what varies much among all images counts no more than what varies little.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from training.data.concepts import Concept
from training.data.images import SIDE, Images, load_images
from training.data.sources import sources
from training.data.teachers import ImageNetFeatures

BATCH = 64
WHITENED = 256
"""Principal components of the features that are compared."""
LEAST_DEVIATION = 0.05
"""Added to each component's standard deviation, as a share of the first one's: the last ones are
noise."""


@dataclass(frozen=True, slots=True)
class PrototypeJudge:
    """`prototypes` (concepts, WHITENED) of unit length; rows of zeros for what no judge set shows.

    `whiten` (1280, WHITENED) maps features less their `mean` to the space that they are in.
    """

    network: ImageNetFeatures
    prototypes: Tensor
    mean: Tensor
    whiten: Tensor
    concepts: list[Concept]

    def similarity(self, images: Tensor) -> Tensor:
        """(n, 3, SIDE, SIDE) from 0 to 1 → (n, concepts) cosines; -1 without a prototype."""
        features = features_of(self.network, images) - self.mean
        features = F.normalize(features @ self.whiten, dim=1)
        cosine = features @ self.prototypes.t()
        return cosine.masked_fill(~self.known, -1)

    @property
    def known(self) -> Tensor:
        """(concepts,): which ones have a prototype."""
        return self.prototypes.abs().sum(1) > 0


def load_judge(cache: Path, leave_out: str = "") -> PrototypeJudge:
    """The judge, from all judge sets except `leave_out`, which measures its own accuracy."""
    images = load_images(cache)
    rows = judge_images(images, leave_out)
    network = ImageNetFeatures("lite0", cache)
    features = features_of(network, on_white(images, rows))
    mean, whiten = whitening(features)
    prototypes = torch.zeros(len(images.concepts), WHITENED)
    whitened = F.normalize((features - mean) @ whiten, dim=1)
    prototypes.index_add_(0, torch.from_numpy(images.concept[rows]), whitened)
    return PrototypeJudge(network, F.normalize(prototypes, dim=1), mean, whiten, images.concepts)


def whitening(features: Tensor) -> tuple[Tensor, Tensor]:
    """Of features (n, d): their mean (d,), and directions (d, WHITENED) in their units."""
    mean = features.mean(0)
    _, spread, directions = torch.linalg.svd(features - mean, full_matrices=False)
    units = spread[:WHITENED] + LEAST_DEVIATION * spread[0]
    return mean, len(features) ** 0.5 * directions[:WHITENED].t() / units


def judge_images(images: Images, leave_out: str = "") -> list[int]:
    """The images that judges learn from, by makers that no shipped network was trained on."""
    makers = [s.name for s in sources().images if s.use == "judge" and s.name != leave_out]
    return [int(i) for i in images.of(*makers) if images.concept[i] >= 0]


@torch.no_grad()
def features_of(network: ImageNetFeatures, images: Tensor) -> Tensor:
    """(n, 3, SIDE, SIDE) from 0 to 1 → (n, 1280)."""
    return torch.cat([network(batch) for batch in images.split(BATCH)])


def on_white(images: Images, rows: list[int]) -> Tensor:
    """Images of the sets on a white ground: (n, 3, SIDE, SIDE) from 0 to 1."""
    pixels = torch.from_numpy(images.pixels[rows]).float() / 255
    alpha = pixels[..., 3:]
    white = pixels[..., :3] * alpha + (1 - alpha)
    assert white.shape[1:3] == (SIDE, SIDE)
    return white.movedim(-1, 1)


def hits(similarity: Tensor, wanted: Tensor, among: int) -> Tensor:
    """(n, concepts), (n,) → (n,): whether the wanted concept is among the nearest."""
    return (similarity.topk(among, dim=1).indices == wanted[:, None]).any(1)
