"""Where a row starts, and how its latents become a picture."""

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Generator, Tensor
from torch.nn import functional as F

from engine.models.vqgan import VQGAN


def wash(vqgan: VQGAN, width: int, height: int, generator: Generator) -> Tensor:
    """The start of a row without an initial picture: a soft wash of muted colour, encoded.

    (1, embed_dim, h, w). Random codes would start from a litter of edges that the optimiser then
    has to clear away; a wash leaves it free, and still differs from seed to seed.
    """
    shade = torch.rand(1, 3, 3, 3, generator=generator, device=generator.device)
    shade = 0.5 + 0.3 * (shade - 0.5)
    picture = F.interpolate(shade, (height, width), mode="bicubic", align_corners=True)
    return vqgan.encode(picture)


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
