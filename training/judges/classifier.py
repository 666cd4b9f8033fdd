"""Judges what an image shows: a classifier over the features of an ImageNet network.

It is trained on image sets that no shipped network was trained on, and on augmented views of them:
moved, rotated, mirrored, blurred, tinted. The network (`lite0`) is not CLIP's.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.concepts import Concept
from training.data.images import load_images
from training.data.teachers import ImageNetFeatures
from training.judges.prototypes import (
    NETWORK_SIDE,
    features_of,
    judge_cache_file,
    judge_features,
    judge_images,
    on_white,
)

log = logging.getLogger(__name__)

VIEWS = 5
"""Augmented views of each training image, besides the image itself."""
AUGMENTED_ALIKE = 64
"""Images per augmentation batch: all or none are blurred, and get their channels permuted."""
EPOCHS = 40
LEARNING_RATE = 2e-3
DROPOUT = 0.5
SMOOTHING = 0.1


@dataclass(frozen=True, slots=True)
class ClassifierJudge:
    """`known` (concepts,) says which concepts the classifier was trained on."""

    network: ImageNetFeatures
    classifier: nn.Module
    known: Tensor
    concepts: list[Concept]

    @torch.no_grad()
    def similarity(self, images: Tensor) -> Tensor:
        """(n, 3, SIDE, SIDE) from 0 to 1 → (n, concepts) logits."""
        logits: Tensor = self.classifier(features_of(self.network, images))
        return logits.masked_fill(~self.known, -torch.inf)


def load_classifier(cache: Path) -> ClassifierJudge:
    """The classifier, from the cache or newly trained, which takes minutes."""
    images, network = load_images(cache), ImageNetFeatures("lite0", cache)
    rows = judge_images(images)
    labels = torch.from_numpy(images.concept[rows])
    classifier = new_classifier(len(images.concepts))
    saved = judge_cache_file(cache, "classifier", NETWORK_SIDE, VIEWS, AUGMENTED_ALIKE, EPOCHS)
    if saved.exists():
        classifier.load_state_dict(torch.load(saved, weights_only=True))
    else:
        plain = judge_features(network, images, cache)
        features = _views(network, on_white(images, rows), plain)
        train(classifier, features, labels)
        torch.save(classifier.state_dict(), saved)
    known = torch.zeros(len(images.concepts), dtype=torch.bool)
    known[labels] = True
    return ClassifierJudge(network, classifier.eval(), known, images.concepts)


def new_classifier(classes: int) -> nn.Module:
    """(n, WIDTH) features → (n, classes) logits."""
    width = ImageNetFeatures.WIDTH
    return nn.Sequential(nn.BatchNorm1d(width), nn.Dropout(DROPOUT), nn.Linear(width, classes))


@torch.no_grad()
def _views(network: ImageNetFeatures, images: Tensor, plain: Tensor) -> Tensor:
    """Features (views, n, WIDTH) float16: `plain` (n, WIDTH), and those of augmented images."""
    views = [plain.half()]
    for number in range(VIEWS):
        features = [
            features_of(network, augmented(batch)).half() for batch in images.split(AUGMENTED_ALIKE)
        ]
        views.append(torch.cat(features))
        log.info("judge: view %d of %d", number + 1, VIEWS)
    return torch.stack(views)


def augmented(images: Tensor) -> Tensor:
    """Images (n, 3, side, side) on white: moved, rotated, mirrored, tinted, sometimes blurred."""
    n = len(images)
    scale, angle = 0.72 + 0.5 * torch.rand(n), 0.15 * torch.randn(n)
    mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    shift = 0.24 * torch.rand(n, 2) - 0.12
    cos, sin = scale * angle.cos(), scale * angle.sin()
    rows = [
        torch.stack([cos * mirror, -sin, shift[:, 0]], dim=1),
        torch.stack([sin * mirror, cos, shift[:, 1]], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    moved = F.grid_sample(images - 1, grid, align_corners=False) + 1
    if torch.rand(()) < 0.5:
        coarse = F.avg_pool2d(moved, 2)
        moved = F.interpolate(coarse, images.shape[2:], mode="bilinear")
    if torch.rand(()) < 0.3:
        moved = moved[:, torch.randperm(3)]
    contrast = 1 + 0.15 * torch.randn(n, 1, 1, 1)
    tint = 0.05 * torch.randn(n, 3, 1, 1)
    noise = 0.06 * torch.rand(n, 1, 1, 1) * torch.randn_like(moved)
    return ((moved - 0.5) * contrast + 0.5 + tint + noise).clamp(0, 1)


def train(classifier: nn.Module, features: Tensor, labels: Tensor) -> None:
    """Trains on views (views, n, WIDTH) of images with these labels (n,), in place."""
    optimizer = torch.optim.AdamW(classifier.parameters(), LEARNING_RATE, weight_decay=0.05)
    steps = EPOCHS * len(features)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        order = torch.randperm(len(labels))
        view = features[torch.randint(len(features), (len(labels),)), torch.arange(len(labels))]
        for rows in order.split(512):
            logits = classifier(view[rows].float())
            loss = F.cross_entropy(logits, labels[rows], label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        if step % len(features) == 0:
            log.info("judge: step %d of %d, loss %.2f", step, steps, loss.item())
