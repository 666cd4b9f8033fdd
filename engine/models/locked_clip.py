"""The CLIP of `picturebook`: OpenAI's text tower, and a frozen ImageNet network with a head.

Locked-image tuning (Zhai et al., "LiT", 2022): only the head learns to map the network's features
of an image to the text tower's embeddings of its captions.
"""

from collections.abc import Mapping

import torch
from clip.model import CLIP
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.efficientnet_lite import FEATURES, EfficientNetLite2

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Mean and standard deviation of CLIP's training images: red, green, blue."""
RESOLUTION = 96
"""Width and height of its input in pixels. The network was trained at 260. At 96 it recognises
nearly as many things of the image sets as at 128, in just over half of the time."""
CONTEXT = 77
"""Length of a text in tokens, as in OpenAI's CLIP."""
HEAD_WIDTH = 64
"""Width of an attention head, as in OpenAI's CLIP."""


class EmbeddingHead(nn.Module):
    """Features (n, FEATURES) → embeddings (n, width); `mean` and `std` normalise the features."""

    def __init__(self, hidden: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(FEATURES, hidden)
        self.fc2 = nn.Linear(hidden, width)
        self.dropout = dropout
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("std", torch.ones(FEATURES))
        self.mean: Tensor
        self.std: Tensor

    def forward(self, features: Tensor) -> Tensor:
        hidden = F.gelu(self.fc1((features - self.mean) / self.std))
        embedded: Tensor = self.fc2(F.dropout(hidden, self.dropout, self.training))
        return embedded


class LockedImageTower(nn.Module):
    """CLIP's `visual`: images (n, 3, h, w), normalised as for CLIP → embeddings (n, width).

    `hidden` is the width of the head's hidden layer.
    """

    input_resolution = RESOLUTION

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.network = EfficientNetLite2()
        self.head = EmbeddingHead(hidden, width)
        self.register_buffer("pixel_scale", 2 * torch.tensor(STD).view(3, 1, 1), persistent=False)
        shift = 2 * torch.tensor(MEAN).view(3, 1, 1) - 1
        self.register_buffer("pixel_shift", shift, persistent=False)
        self.pixel_scale: Tensor
        self.pixel_shift: Tensor

    @property
    def conv1(self) -> nn.Conv2d:
        """CLIP reads its dtype from this layer."""
        return self.network.stem

    def forward(self, images: Tensor) -> Tensor:
        pixels = images * self.pixel_scale + self.pixel_shift
        # Depthwise convolutions take longer in bfloat16 than in float32.
        with torch.autocast(images.device.type, enabled=False):
            features = self.network(pixels.float().contiguous(memory_format=torch.channels_last))
            embedded: Tensor = self.head(features)
        return embedded


def new_clip(vocabulary: int, embedding: int, width: int, layers: int) -> CLIP:
    """A CLIP with `vocabulary` tokens and random weights; `visual` is a placeholder."""
    network = CLIP(
        embed_dim=embedding,
        image_resolution=32,
        vision_layers=1,
        vision_width=HEAD_WIDTH,
        vision_patch_size=32,
        context_length=CONTEXT,
        vocab_size=vocabulary,
        transformer_width=width,
        transformer_heads=width // HEAD_WIDTH,
        transformer_layers=layers,
    )
    network.visual = nn.Identity()
    return network


def is_locked(state: Mapping[str, Tensor]) -> bool:
    """Whether these are weights for `build_locked_clip`."""
    return "visual.head.fc1.weight" in state


def build_locked_clip(state: Mapping[str, Tensor]) -> CLIP:
    """A CLIP with these weights, whose shapes determine its architecture."""
    vocabulary, width = state["token_embedding.weight"].shape
    embedding = state["text_projection"].shape[1]
    layers = {name.split(".")[2] for name in state if name.startswith("transformer.resblocks.")}
    network = new_clip(vocabulary, embedding, width, len(layers))
    network.visual = LockedImageTower(len(state["visual.head.fc1.weight"]), embedding)
    network.load_state_dict(state)
    return network
