"""Judges in which style an image is drawn: a classifier on the image sets' styles.

It uses the features of an ImageNet network (`lite0`) that is not CLIP's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.images import Images
from training.data.sources import sources
from training.data.teachers import ImageNetFeatures
from training.judges.prototypes import features_of, on_white

TRAINING_IMAGES = 400
"""Per style, for the classifier."""
HELD_OUT_IMAGES = 100
"""Per style, for its ceiling."""
STEPS = 300
LEARNING_RATE = 3e-3


@dataclass(frozen=True, slots=True)
class StyleJudge:
    """`styles` are the classes.

    `held_out` (styles × HELD_OUT_IMAGES, 3, SIDE, SIDE) are real images that it was not trained on,
    style by style.
    """

    network: ImageNetFeatures
    classifier: nn.Module
    styles: tuple[str, ...]
    held_out: Tensor

    def ceiling(self, images: Tensor) -> float:
        """The accuracy, 0 to 1, on the images of `held_out`, or on processed ones in that order."""
        answers = self.predict(images)
        right = [answer == self.styles[i // HELD_OUT_IMAGES] for i, answer in enumerate(answers)]
        return sum(right) / len(right)

    @torch.no_grad()
    def predict(self, images: Tensor) -> list[str]:
        """(n, 3, SIDE, SIDE) from 0 to 1 → n styles."""
        found = self.classifier(features_of(self.network, images)).argmax(1)
        return [self.styles[i] for i in found.tolist()]


def load_style_judge(
    images: Images, network: ImageNetFeatures, styles: Sequence[str]
) -> StyleJudge:
    """Trains a judge on the training sets of these styles, in half a minute."""
    rows, labels = [], []
    for label, style in enumerate(styles):
        makers = [s.name for s in sources().images if s.use == "train" and s.style == style]
        every = Random(style).sample(images.of(*makers).tolist(), TRAINING_IMAGES + HELD_OUT_IMAGES)
        rows += every
        labels += [label] * len(every)
    answers = torch.tensor(labels)
    known = torch.arange(len(rows)) % (TRAINING_IMAGES + HELD_OUT_IMAGES) < TRAINING_IMAGES
    features = features_of(network, on_white(images, rows))
    width = ImageNetFeatures.WIDTH
    classifier = nn.Sequential(
        nn.BatchNorm1d(width), nn.Dropout(0.5), nn.Linear(width, len(styles))
    )
    optimizer = torch.optim.AdamW(classifier.parameters(), LEARNING_RATE, weight_decay=0.1)
    for _ in range(STEPS):
        loss = F.cross_entropy(classifier(features[known]), answers[known])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    held_out = [row for row, is_known in zip(rows, known.tolist(), strict=True) if not is_known]
    return StyleJudge(network, classifier.eval(), tuple(styles), on_white(images, held_out))
