"""Pictures to latents and back."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from engine.models.vqgan import VQGAN


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


def to_images(pictures: Tensor, width: int, height: int) -> list[Image.Image]:
    """(rows, 3, h, w), floats from 0 to 1 or uint8 → RGB images, enlarged to width × height."""
    images = [Image.fromarray(row) for row in np.moveaxis(to_uint8(pictures), 1, -1)]
    return [image.resize((width, height), Image.Resampling.LANCZOS) for image in images]


def to_uint8(pictures: Tensor) -> NDArray[np.uint8]:
    """(rows, 3, h, w), floats from 0 to 1 or uint8 → the same shape on the host.

    By numpy: torch would start threads for it, which compete with those that render.
    """
    if pictures.dtype == torch.uint8:
        pixels: NDArray[np.uint8] = pictures.cpu().numpy()
        return pixels
    values: NDArray[np.float32] = pictures.float().cpu().numpy()
    return np.rint(values * 255).clip(0, 255).astype(np.uint8)
