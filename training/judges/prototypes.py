"""Judges what an image shows: the nearest prototype in the features of an ImageNet network.

Prototypes come from image sets that no shipped network was trained on, and training doesn't use the
network (`lite0`). Features are projected onto Fisher's linear discriminants: what differs between
images of one thing, such as their makers' styles, counts little.
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
"""Images in a batch; larger batches are slower on a CPU."""

# These were tuned by how many real images of sets unknown to the judge are recognised.
NETWORK_SIDE = 224
"""Pixels on a side to which images are enlarged, as the network was trained."""
COMPONENTS = 512
"""Principal components of the features to compare."""
SHRINKAGE = 0.2
"""The share of the mean variance within things that is added to the variance in each direction."""


@dataclass(frozen=True, slots=True)
class PrototypeJudge:
    """`prototypes` (concepts, COMPONENTS) of unit length; zeros for concepts that no set shows.

    `discriminants` (1280, COMPONENTS) maps features minus `mean` to their space.
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
    """The judge, from cached features of the judge sets; these take some minutes the first time."""
    images, network = load_images(cache), ImageNetFeatures("lite0", cache)
    rows = judge_images(images)
    labels = torch.from_numpy(images.concept[rows])
    features = judge_features(network, images, cache)
    mean, directions = discriminants(features, labels)
    prototypes = torch.zeros(len(images.concepts), COMPONENTS)
    prototypes.index_add_(0, labels, F.normalize((features - mean) @ directions, dim=1))
    return PrototypeJudge(
        network, F.normalize(prototypes, dim=1), mean, directions, images.concepts
    )


def discriminants(
    features: Tensor, labels: Tensor, count: int = COMPONENTS
) -> tuple[Tensor, Tensor]:
    """The mean (d,) of features (n, d) of labelled (n,) images, and directions (d, count).

    Along each direction, images of one thing have about the same variance.
    """
    mean = features.mean(0)
    _, _, components = torch.linalg.svd(features - mean, full_matrices=False)
    components = components[:count].t()
    covariance = _covariance_within((features - mean) @ components, labels)
    covariance += SHRINKAGE * covariance.diagonal().mean() * torch.eye(components.shape[1])
    variances, directions = torch.linalg.eigh(covariance)
    return mean, components @ (directions * variances.rsqrt())


def _covariance_within(features: Tensor, labels: Tensor) -> Tensor:
    """The unbiased covariance (d, d) of features (n, d) around the mean of each thing."""
    count = torch.bincount(labels).float()
    sums = features.new_zeros(len(count), features.shape[1]).index_add_(0, labels, features)
    means = sums / count.clamp(min=1)[:, None]
    repeated = count[labels] > 1
    residuals = (features - means[labels])[repeated]
    degrees_of_freedom = len(residuals) - len(labels[repeated].unique())
    return residuals.t() @ residuals / degrees_of_freedom


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
    path = judge_cache_file(cache, "features", NETWORK_SIDE)
    if not path.exists():
        torch.save(features_of(network, on_white(images, judge_images(images))), path)
    features: Tensor = torch.load(path, weights_only=True)
    return features


def judge_cache_file(cache: Path, name: str, *settings: float) -> Path:
    """The cache's file for these settings and the current judge sets."""
    packages = [s.sha256 for s in sources().images if s.use == "judge"]
    digest = hashlib.sha256(repr((packages, settings)).encode()).hexdigest()
    return cache / f"judge-{name}-{digest[:12]}.pt"


def on_white(images: Images, rows: list[int]) -> Tensor:
    """Images of the sets on white: (n, 3, SIDE, SIDE) from 0 to 1."""
    pixels = torch.from_numpy(images.pixels[rows]).float() / 255
    alpha = pixels[..., 3:]
    white = pixels[..., :3] * alpha + (1 - alpha)
    assert white.shape[1:3] == (SIDE, SIDE)
    return white.movedim(-1, 1)


def hits(similarity: Tensor, wanted: Tensor, k: int) -> Tensor:
    """(n, concepts), (n,) → (n,): whether the wanted concept is among the `k` nearest."""
    return (similarity.topk(k, dim=1).indices == wanted[:, None]).any(1)
