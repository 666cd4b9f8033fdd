"""Losses that several trainings share."""

from torch import Tensor


def edge_loss(decoded: Tensor, images: Tensor) -> Tensor:
    """The error of differences between neighbouring pixels, which thin strokes depend on.

    Both are (batch, channels, height, width).
    """
    difference = decoded - images
    across = (difference[..., 1:] - difference[..., :-1]).abs().mean()
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    return across + down
