"""Judges what an image shows: the nearest prototype in the features of an ImageNet network.

Prototypes come from image sets that no shipped network was trained on, and the network (`lite0`)
is another one than the training uses. Features are projected onto Fisher's linear discriminants:
what differs between images of one thing, such as their makers' styles, counts little.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from training.data.concepts import Concept
from training.data.images import SIDE, Images, load_images
from training.data.sources import sources
from training.data.teachers import ImageNetFeatures

BATCH = 8
"""Images at a time; more are slower on a processor."""

# Chosen by how many real images by makers whom the judge does not know are recognised.
NETWORK_SIDE = 224
"""Pixels on a side that images are enlarged to: what the network was trained on."""
COMPONENTS = 512
"""Principal components of the features that are compared."""
SHRINKAGE = 0.2
"""Share of the mean variance within things that is added to that in every direction."""


@dataclass(frozen=True, slots=True)
class PrototypeJudge:
    """`prototypes` (concepts, COMPONENTS) of unit length; rows of zeros for what no set shows.

    `discriminants` (1280, COMPONENTS) maps features less their `mean` to the space they are in.
    """

    network: ImageNetFeatures
    prototypes: Tensor
    mean: Tensor
    discriminants: Tensor
    concepts: list[Concept]

    def similarity(self, images: Tensor) -> Tensor:
        """(n, 3, SIDE, SIDE) from 0 to 1 → (n, concepts) cosines; -1 without a prototype."""
        features = features_of(self.network, images) - self.mean
        features = F.normalize(features @ self.discriminants, dim=1)
        cosine = features @ self.prototypes.t()
        return cosine.masked_fill(~self.known, -1)

    @property
    def known(self) -> Tensor:
        """(concepts,): which ones have a prototype."""
        return self.prototypes.abs().sum(1) > 0


def load_judge(cache: Path) -> PrototypeJudge:
    """The judge, made from the judge sets in some minutes, or read from the cache."""
    images, network = load_images(cache), ImageNetFeatures("lite0", cache)
    rows = judge_images(images)
    shown = torch.from_numpy(images.concept[rows])
    features = judge_features(network, images, cache)
    mean, directions = discriminants(features, shown)
    prototypes = torch.zeros(len(images.concepts), COMPONENTS)
    prototypes.index_add_(0, shown, F.normalize((features - mean) @ directions, dim=1))
    return PrototypeJudge(
        network, F.normalize(prototypes, dim=1), mean, directions, images.concepts
    )


def discriminants(
    features: Tensor, shown: Tensor, count: int = COMPONENTS
) -> tuple[Tensor, Tensor]:
    """Of features (n, d) of images that show these things (n,): their mean (d,), and directions.

    Along each direction (d, count), the images of one thing have about the same variance.
    """
    mean = features.mean(0)
    _, _, components = torch.linalg.svd(features - mean, full_matrices=False)
    components = components[:count].t()
    covariance = _covariance_within((features - mean) @ components, shown)
    covariance += SHRINKAGE * covariance.diagonal().mean() * torch.eye(components.shape[1])
    variances, directions = torch.linalg.eigh(covariance)
    return mean, components @ (directions * variances.rsqrt())


def _covariance_within(features: Tensor, shown: Tensor) -> Tensor:
    """The covariance (d, d) of features (n, d) around the mean of each thing, without bias."""
    count = torch.bincount(shown).float()
    sums = features.new_zeros(len(count), features.shape[1]).index_add_(0, shown, features)
    means = sums / count.clamp(min=1)[:, None]
    several = count[shown] > 1
    apart = (features - means[shown])[several]
    freedom = len(apart) - len(shown[several].unique())
    return apart.t() @ apart / freedom


def judge_images(images: Images) -> list[int]:
    """The images that judges learn from, by makers that no shipped network was trained on."""
    makers = [s.name for s in sources().images if s.use == "judge"]
    return [int(i) for i in images.of(*makers) if images.concept[i] >= 0]


@torch.no_grad()
def features_of(network: ImageNetFeatures, images: Tensor) -> Tensor:
    """(n, 3, SIDE, SIDE) from 0 to 1 → (n, 1280)."""
    size = (NETWORK_SIDE, NETWORK_SIDE)
    return torch.cat(
        [
            network(F.interpolate(batch, size, mode="bicubic", antialias=True).clamp(0, 1))
            for batch in images.split(BATCH)
        ]
    )


def judge_features(network: ImageNetFeatures, images: Images, cache: Path) -> Tensor:
    """(n, 1280) of the images that judges learn from, on white; kept in the cache."""
    path = judge_file(cache, "features", NETWORK_SIDE)
    if not path.exists():
        torch.save(features_of(network, on_white(images, judge_images(images))), path)
    features: Tensor = torch.load(path, weights_only=True)
    return features


def judge_file(cache: Path, name: str, *settings: float) -> Path:
    """A file of the cache for what these settings make of the judge sets as they are now."""
    packages = [s.sha256 for s in sources().images if s.use == "judge"]
    made_of = hashlib.sha256(repr((packages, settings)).encode()).hexdigest()
    return cache / f"judge-{name}-{made_of[:12]}.pt"


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
