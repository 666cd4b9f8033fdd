"""Losses that several training stages share."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.efficientnet_lite import EfficientNetLite2


def edge_loss(decoded: Tensor, images: Tensor) -> Tensor:
    """The error of the differences between neighbouring pixels, which keeps thin strokes sharp.

    Both are (batch, channels, height, width).
    """
    difference = decoded - images
    across = (difference[..., 1:] - difference[..., :-1]).abs().mean()
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    return across + down


class PerceptualLoss(nn.Module):
    """How different images are to a network trained on ImageNet.

    Like LPIPS without its learned weights (Zhang et al., "The Unreasonable Effectiveness of Deep
    Features as a Perceptual Metric", 2018): the mean squared distance between features of unit
    length, at several depths.
    """

    DEPTHS = (1, 4, 7, 11)
    """Blocks whose outputs are compared, at 1/2 to 1/16 of the resolution."""

    def __init__(self, network: EfficientNetLite2) -> None:
        super().__init__()
        self.stem, self.blocks = network.stem, network.blocks[: self.DEPTHS[-1]]
        self.requires_grad_(False)

    def forward(self, decoded: Tensor, images: Tensor) -> Tensor:
        """Two (batch, 3, height, width) from 0 to 1 → a scalar."""
        with torch.no_grad():
            targets = self._features(images)
        pairs = zip(self._features(decoded), targets, strict=True)
        return torch.stack([(a - b).square().sum(1).mean() for a, b in pairs]).mean()

    def _features(self, images: Tensor) -> list[Tensor]:
        hidden, features = F.relu6(self.stem(images * 2 - 1)), []
        for number, block in enumerate(self.blocks, start=1):
            hidden = block(hidden)
            if number in self.DEPTHS:
                features.append(F.normalize(hidden.float(), dim=1))
        return features
