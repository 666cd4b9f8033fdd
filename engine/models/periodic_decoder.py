"""A decoder whose images repeat without a seam: its convolutions wrap around the edges.

Zero padding shows a decoder where the edges are. Circular padding does not, nor do group norm and
attention. So latents that are rolled along a periodic direction decode to the rolled image.
"""

import copy

from torch import Tensor, nn
from torch.nn import functional as F

from core.pattern import Tile
from engine.models.optimized_decoder import FusedUpsampleConv


def periodic(decoder: nn.Module, tile: Tile) -> nn.Module:
    """A copy that shares the decoder's weights. It is not compiled."""
    weights = (*decoder.parameters(), *decoder.buffers())
    shared = copy.deepcopy(decoder, {id(weight): weight for weight in weights})
    shared.__dict__.pop("forward", None)  # set by `compile_for_gpu`; it would call the original
    _wrap(shared, tile)
    return shared


def _wrap(network: nn.Module, tile: Tile) -> None:
    for name, child in network.named_children():
        if isinstance(child, nn.Conv2d) and child.kernel_size == (3, 3):
            setattr(network, name, PeriodicConv(child, tile))
        elif isinstance(child, FusedUpsampleConv):
            setattr(network, name, PeriodicUpsampleConv(child, tile))
        else:
            _wrap(child, tile)


class PeriodicConv(nn.Module):
    """A 3 × 3 convolution that wraps around in the periodic directions."""

    def __init__(self, conv: nn.Conv2d, tile: Tile) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias
        self.tile = tile

    def forward(self, x: Tensor) -> Tensor:
        padding = (0 if self.tile.down else 1, 0 if self.tile.across else 1)
        return F.conv2d(pad_periodic(x, 1, self.tile), self.weight, self.bias, padding=padding)


class PeriodicUpsampleConv(nn.Module):
    """`FusedUpsampleConv` that wraps around in the periodic directions."""

    def __init__(self, upsample: FusedUpsampleConv, tile: Tile) -> None:
        super().__init__()
        self.register_buffer("kernel", upsample.kernel)
        self.bias = upsample.bias
        self.tile = tile
        self.kernel: Tensor

    def forward(self, x: Tensor) -> Tensor:
        # The `padding` of a transposed convolution crops its result.
        padding = (3 if self.tile.down else 1, 3 if self.tile.across else 1)
        padded = pad_periodic(x, 1, self.tile)
        return F.conv_transpose2d(padded, self.kernel, self.bias, stride=2, padding=padding)


def pad_periodic(x: Tensor, margin: int, tile: Tile) -> Tensor:
    """Pads x (batch, channels, h, w) by a margin in the periodic directions, by wrapping around."""
    across, down = margin * tile.across, margin * tile.down
    return F.pad(x, (across, across, down, down), mode="circular")
