"""What holds for an image by construction, whatever its latents: symmetry and palette.

Gradients pass through both, so CLIP judges the image in its final form.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from core.palette import rgb
from core.pattern import Symmetry
from engine.synthesis.config import PaletteConfig


def symmetrise(values: Tensor, symmetry: Symmetry) -> Tensor:
    """Replaces parts of (batch, channels, height, width) with one part, mirrored or rotated.

    This part is the left half, the upper half, or the upper left quarter.
    """
    match symmetry:
        case Symmetry.LEFT_RIGHT:
            return _mirror(values, 3)
        case Symmetry.TOP_BOTTOM:
            return _mirror(values, 2)
        case Symmetry.BOTH:
            return _mirror(_mirror(values, 3), 2)
        case Symmetry.HALF_TURN:
            return _half_turn(values)
        case Symmetry.QUARTER_TURN:
            return _quarter_turn(values)


def _mirror(values: Tensor, axis: int) -> Tensor:
    length = values.shape[axis]
    kept = values.narrow(axis, 0, length - length // 2)
    return torch.cat([kept, values.narrow(axis, 0, length // 2).flip(axis)], axis)


def _half_turn(values: Tensor) -> Tensor:
    half = values.shape[2] // 2
    upper, middle = values[:, :, :half], values[:, :, half : values.shape[2] - half]
    return torch.cat([upper, _mirror(middle, 3), upper.flip((2, 3))], 2)


def _quarter_turn(values: Tensor) -> Tensor:
    """For squares; if the side is odd, the centre pixel stays."""
    side = values.shape[3]
    half = side // 2
    turned = values.clone()
    part = values[:, :, :half, : side - half]
    turned[:, :, : side - half, side - half :] = part.rot90(-1, (2, 3))
    turned[:, :, side - half :, half:] = part.rot90(2, (2, 3))
    turned[:, :, half:, :half] = part.rot90(1, (2, 3))
    return turned


def limit_to_palette(images: Tensor, palette: Sequence[str], config: PaletteConfig) -> Tensor:
    """Images (batch, 3, height, width) from 0 to 1, with each pixel near a colour of the palette.

    A pixel is a mixture of the colours, by a softmax over its squared distances to them: mostly the
    closest one, and a blend of two along edges. The gradient is that of a softer mixture; with the
    hard one, a pixel near a colour could never change to another.
    """
    colours = images.new_tensor([rgb(colour) for colour in palette])
    distances = (images[:, None] - colours[:, :, None, None]).square().sum(2)
    hard, soft = (
        ((-distances / temperature).softmax(1)[:, :, None] * colours[:, :, None, None]).sum(1)
        for temperature in (config.temperature, config.gradient_temperature)
    )
    return soft + (hard - soft).detach()
