"""Judges in which style an image is drawn: a classifier on the image sets' styles.

It looks at the features of an ImageNet network (`lite0`), another one than CLIP's.
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

EACH = 400
"""Images of each style that the classifier learns from."""
UNSEEN = 100
"""Images of each style that measure its ceiling."""
STEPS = 300
LEARNING_RATE = 3e-3


@dataclass(frozen=True, slots=True)
class StyleJudge:
    """`styles` are the answers.

    `unseen` (styles × UNSEEN, 3, SIDE, SIDE) are real images that it has not learned from, style by
    style.
    """

    network: ImageNetFeatures
    classifier: nn.Module
    styles: tuple[str, ...]
    unseen: Tensor

    def ceiling(self, images: Tensor) -> float:
        """The share of images of what is `unseen`, in that order, that get the right answer."""
        answers = self.answers(images)
        right = [answer == self.styles[i // UNSEEN] for i, answer in enumerate(answers)]
        return sum(right) / len(right)

    @torch.no_grad()
    def answers(self, images: Tensor) -> list[str]:
        """(n, 3, SIDE, SIDE) from 0 to 1 → n styles."""
        found = self.classifier(features_of(self.network, images)).argmax(1)
        return [self.styles[i] for i in found.tolist()]


def load_style_judge(
    images: Images, network: ImageNetFeatures, styles: Sequence[str]
) -> StyleJudge:
    """Trained in half a minute on the sets of these styles."""
    rows, labels = [], []
    for label, style in enumerate(styles):
        makers = [s.name for s in sources().images if s.use == "train" and s.style == style]
        every = Random(style).sample(images.of(*makers).tolist(), EACH + UNSEEN)
        rows += every
        labels += [label] * len(every)
    answers = torch.tensor(labels)
    known = torch.arange(len(rows)) % (EACH + UNSEEN) < EACH
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
    unseen = [row for row, is_known in zip(rows, known.tolist(), strict=True) if not is_known]
    return StyleJudge(network, classifier.eval(), tuple(styles), on_white(images, unseen))
