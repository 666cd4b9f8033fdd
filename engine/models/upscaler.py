"""Super-resolution: enlarges what a model renders threefold, with sharp edges.

A residual network at the small resolution, whose last layer has the pixels of the large image as
channels (Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
Sub-Pixel Convolutional Neural Network", 2016). It predicts the difference to bicubic interpolation
(Kim, Lee and Lee, "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", 2016).
"""

from torch import Tensor, nn
from torch.nn import functional as F

FACTOR = 3
WIDTH = 48
DEPTH = 10


class Upscaler(nn.Module):
    """(batch, 3, height, width) from 0 to 1 → (batch, 3, FACTOR × height, FACTOR × width)."""

    margin = DEPTH + 2
    """How many pixels away an input pixel can be from the output pixels that depend on it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.convs = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in range(DEPTH))
        self.conv_out = nn.Conv2d(WIDTH, 3 * FACTOR**2, 3, padding=1)
        # It starts as bicubic interpolation.
        for parameter in self.conv_out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.conv_in(images - 0.5)
        for conv in self.convs:
            hidden = hidden + conv(F.silu(hidden))
        detail = F.pixel_shuffle(self.conv_out(F.silu(hidden)), FACTOR)
        smooth = F.interpolate(images, scale_factor=FACTOR, mode="bicubic")
        return smooth + detail
