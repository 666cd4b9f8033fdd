"""Where a row starts, and how its latents become a picture."""

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from engine.models.vqgan import VQGAN

TRAITS = 20
"""Numbers that make a rough picture: the colours of four corners and a spot, how far the corners
differ, and the spot's place, size and presence."""
SPOT = TRAITS - 1
"""The last of them: whether there is a spot."""


def rough_pictures(traits: Tensor, width: int, height: int) -> Tensor:
    """Pictures to begin with: (rows, TRAITS) from 0 to 1 → (rows, 3, height, width) from 0 to 1.

    One colour or several that run together, with a soft spot of another or without. Random codes
    would begin with a litter of edges that has to be cleared away first.
    """
    # Full colours more often than grey ones, flat grounds more often than motley ones.
    colours = torch.sin(traits[:, :15] * torch.pi / 2).square()
    corners, spot = colours[:, :12].view(-1, 3, 2, 2), colours[:, 12:, None, None]
    slope, x, y, size, there = traits[:, 15:, None, None].unbind(1)
    mean = corners[:, :, :1, :1]
    corners = mean + (corners - mean) * slope[:, None] ** 3
    grounds = F.interpolate(corners, (height, width), mode="bilinear", align_corners=True)
    across = torch.linspace(0, 1, width, device=traits.device)
    down = torch.linspace(0, 1, height, device=traits.device)[:, None]
    distance = (across - 0.2 - 0.6 * x).square() + (down - 0.2 - 0.6 * y).square()
    cover = torch.sigmoid(8 * (1 - distance.sqrt() / (0.16 + 0.2 * size)))
    cover = cover * torch.sigmoid(20 * (there - 0.3))
    return grounds.lerp(spot, cover[:, None])


def encoded(vqgan: VQGAN, picture: Image.Image, width: int, height: int) -> Tensor:
    """An initial picture, cropped to the shape that is painted: (1, embed_dim, h, w)."""
    fitted = ImageOps.fit(picture.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(fitted)).movedim(-1, 0)[None].float() / 255
    return vqgan.encode(pixels.to(vqgan.codebook.device))


class _Clamp(torch.autograd.Function):
    """Clamps to 0 to 1, and lets a gradient pass that leads a value back inside.

    A plain clamp kills the gradient of every saturated pixel (the idea is in several VQGAN+CLIP
    programs, after Katherine Crowson's notebooks).
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return values.clamp(0, 1)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        values: Tensor
        (values,) = ctx.saved_tensors  # type: ignore[attr-defined]
        (gradient,) = gradients
        outward = (gradient * (values - values.clamp(0, 1))) < 0
        return gradient.masked_fill(outward, 0)


def painted(vqgan: VQGAN, latents: Tensor, quantised: bool) -> Tensor:
    """(rows, embed_dim, h, w) → pictures (rows, 3, height, width) from 0 to 1."""
    pictures = vqgan.decode(vqgan.quantise(latents) if quantised else latents).float()
    clamped: Tensor = _Clamp.apply(pictures)
    return clamped


def to_images(pictures: Tensor) -> list[Image.Image]:
    """(rows, 3, height, width) from 0 to 1 → RGB images."""
    pixels = (pictures * 255).round().clamp(0, 255).byte().movedim(1, -1).cpu().numpy()
    return [Image.fromarray(row) for row in pixels]
