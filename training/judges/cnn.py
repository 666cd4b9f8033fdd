"""The trained judge: a plain CNN that predicts the facts of an image, without text or CLIP.

`training.judges.lessons` trains it on its own drawings, blurred, noisy and shifted, so that it
doesn't depend on pixel-exact drawings. Its weights are next to this file.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from training.data import drawn_scenes as scenes
from training.data.drawn_batches import to_tensor

FACTS: tuple[str, ...] = (
    *scenes.SHAPES,
    *scenes.COLOURS,
    *(f"{colour} ground" for colour in scenes.COLOURS),
    "landscape",
    *scenes.LANDS,
    *scenes.TIMES,
    *scenes.SKIES,
    *scenes.THINGS,
    "watermark",
)
"""The facts that the judge predicts, in the words of `training.data.drawn_scenes.facts`."""

WEIGHTS = Path(__file__).with_name("cnn.safetensors")


class FactNetwork(nn.Module):
    """(batch, 3, 64, 64) from 0 to 1 → (batch, facts) logits.

    `thresholds` has the logit above which each fact counts as true.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _layer(3, 32, stride=2, kernel=5),
            _layer(32, 64, stride=2),
            _layer(64, 64),
            _layer(64, 128, stride=2),
            _layer(128, 128),
        )
        self.head = nn.Linear(256, len(FACTS))
        self.register_buffer("thresholds", torch.zeros(len(FACTS)))
        self.thresholds: Tensor

    def forward(self, images: Tensor) -> Tensor:
        activations = self.features(images * 2 - 1)
        pooled = torch.cat([activations.mean((2, 3)), activations.amax((2, 3))], dim=1)
        logits: Tensor = self.head(pooled)
        return logits


def _layer(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class Judge:
    """Predicts the facts of images of any size."""

    def __init__(self, network: FactNetwork) -> None:
        self.network = network.eval().requires_grad_(False)

    @classmethod
    def load(cls, weights: Path = WEIGHTS) -> "Judge":
        network = FactNetwork()
        network.load_state_dict({k: v.float() for k, v in load_file(weights).items()})
        return cls(network)

    def find_facts(self, images: Sequence[Image.Image]) -> list[frozenset[str]]:
        """The facts that the judge finds in each image."""
        return [
            frozenset(fact for fact, is_found in zip(FACTS, row, strict=True) if is_found)
            for batch in torch.split(_resized(images), 64)
            for row in (self.network(batch) >= self.network.thresholds).tolist()
        ]


def _resized(images: Sequence[Image.Image]) -> Tensor:
    side = (scenes.SIDE, scenes.SIDE)
    return torch.cat(
        [
            F.interpolate(to_tensor([image.convert("RGB")]), side, mode="bilinear", antialias=True)
            for image in images
        ]
    )
