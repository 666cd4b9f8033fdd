"""EfficientNet-Lite2, an image encoder that is fast on CPUs.

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
(2019), in the Lite variant: ReLU6 instead of swish, and no squeeze-and-excitation.
Its batch norms are folded into the convolutions.
"""

from torch import Tensor, nn
from torch.nn import functional as F

FEATURES = 1280
"""Channels of the last feature map."""
STEM = 32
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 3, 2, 3),
    (6, 48, 3, 2, 5),
    (6, 88, 4, 2, 3),
    (6, 120, 4, 1, 5),
    (6, 208, 5, 2, 5),
    (6, 352, 1, 1, 3),
)
"""Expansion, channels, blocks, stride of the first block, and kernel size of each stage."""


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's padding: with stride 2, more pixels at right and bottom."""

    def forward(self, input: Tensor) -> Tensor:
        if self.stride[0] == 1:
            return super().forward(input)
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        pads = [max(0, (-(-n // stride) - 1) * stride + kernel - n) for n in input.shape[:1:-1]]
        sides = [side for pad in pads for side in (pad // 2, pad - pad // 2)]
        return F.conv2d(F.pad(input, sides), self.weight, self.bias, stride, groups=self.groups)


def _conv(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    padding = kernel // 2 if stride == 1 else 0
    return SameConv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)


class MBConv(nn.Module):
    """An inverted residual: 1 × 1 expansion, depthwise convolution, 1 × 1 projection."""

    def __init__(
        self, in_channels: int, out_channels: int, expansion: int, stride: int, kernel: int
    ) -> None:
        super().__init__()
        hidden_channels = in_channels * expansion
        self.expand = _conv(in_channels, hidden_channels, 1) if expansion > 1 else None
        self.depthwise = _conv(
            hidden_channels, hidden_channels, kernel, stride, groups=hidden_channels
        )
        self.project = _conv(hidden_channels, out_channels, 1)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu6(self.expand(x)) if self.expand else x
        projected: Tensor = self.project(F.relu6(self.depthwise(hidden)))
        return x + projected if self.residual else projected


class EfficientNetLite2(nn.Module):
    """(n, 3, height, width) from -1 to 1 → pooled features (n, FEATURES)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem: nn.Conv2d = _conv(3, STEM, 3, 2)
        blocks, channels = [], STEM
        for expansion, out_channels, count, stride, kernel in STAGES:
            for number in range(count):
                first = stride if number == 0 else 1
                blocks.append(MBConv(channels, out_channels, expansion, first, kernel))
                channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.last = _conv(channels, FEATURES, 1)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.blocks(F.relu6(self.stem(images)))
        return F.relu6(self.last(hidden)).mean((2, 3))
