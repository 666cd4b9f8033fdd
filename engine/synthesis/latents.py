"""Images to latents and back."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from core.pattern import Tile
from engine.models.vqgan import VQGAN


def encode(vqgan: VQGAN, image: Image.Image, width: int, height: int) -> Tensor:
    """An image, cropped and resized to this size → (1, embed_dim, h, w)."""
    fitted = ImageOps.fit(image.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
    return vqgan.encode(to_tensor(fitted).to(vqgan.codebook.device))


def decode(vqgan: VQGAN, latents: Tensor, quantize: bool, tile: Tile | None = None) -> Tensor:
    """(batch, embed_dim, h, w) → images (batch, 3, height, width) from 0 to 1."""
    images = vqgan.decode(vqgan.quantise(latents) if quantize else latents, tile).float()
    clamped: Tensor = ClampWithGrad.apply(images)
    return clamped


class ClampWithGrad(torch.autograd.Function):
    """Clamps to 0 to 1, but passes gradients that move a value back into this range.

    A plain clamp zeroes the gradient of every saturated pixel. From Katherine Crowson's VQGAN+CLIP
    notebooks.
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


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB image → (1, 3, height, width) from 0 to 1."""
    return torch.from_numpy(np.array(image)).movedim(-1, 0)[None].float() / 255


def to_images(pixels: Tensor, width: int, height: int) -> list[Image.Image]:
    """(batch, 3, h, w), floats from 0 to 1 or uint8 → RGB images, enlarged to width × height."""
    images = [Image.fromarray(image) for image in np.moveaxis(to_uint8(pixels), 1, -1)]
    return [image.resize((width, height), Image.Resampling.LANCZOS) for image in images]


def to_uint8(pixels: Tensor) -> NDArray[np.uint8]:
    """(batch, 3, h, w), floats from 0 to 1 or uint8 → the same shape on the host.

    With NumPy, because torch would start threads that compete with the renderer's.
    """
    if pixels.dtype == torch.uint8:
        unchanged: NDArray[np.uint8] = pixels.cpu().numpy()
        return unchanged
    values: NDArray[np.float32] = pixels.float().cpu().numpy()
    return np.rint(values * 255).clip(0, 255).astype(np.uint8)


@torch.no_grad()
def resize_image(
    vqgan: VQGAN,
    latents: Tensor,
    size: tuple[int, int],
    quantize: bool,
    tile: Tile | None = None,
) -> Tensor:
    """Latents (batch, embed_dim, h, w) of the same images at another size.

    The images are resized and encoded again, because interpolated latents decode to blocks.
    """
    factor = vqgan.factor
    images = decode(vqgan, latents, quantize, tile)
    resized = resize(images, (size[0] * factor, size[1] * factor), tile)
    return encode_again(vqgan, resized, tile)


def encode_again(vqgan: VQGAN, images: Tensor, tile: Tile | None) -> Tensor:
    """Rendered images (batch, 3, height, width) from 0 to 1 → (batch, embed_dim, h, w)."""
    encoded = vqgan.encode(images)
    return join_edges(encoded, tile) if tile else encoded


def resize(values: Tensor, size: tuple[int, int], tile: Tile | None = None) -> Tensor:
    """(batch, channels, h, w) to another height and width, bilinear and without gradient."""
    values = values.detach()
    if not tile:
        return F.interpolate(values, size, mode="bilinear", align_corners=False)
    # Resized between copies of itself; only the copy in the middle is kept.
    rows, columns = 3 if tile.down else 1, 3 if tile.across else 1
    height, width = size
    copies = values.repeat(1, 1, rows, columns)
    resized = F.interpolate(
        copies, (rows * height, columns * width), mode="bilinear", align_corners=False
    )
    top, left = height * (rows // 2), width * (columns // 2)
    return resized[..., top : top + height, left : left + width]


def join_edges(latents: Tensor, tile: Tile) -> Tensor:
    """Makes opposite edges of latents (batch, channels, h, w) equal in the periodic directions.

    The difference between the edges is removed in ramps that extend over a quarter of the image.
    """
    for axis in [axis for axis, periodic in ((3, tile.across), (2, tile.down)) if periodic]:
        length = latents.shape[axis]
        position = torch.linspace(0, 1, length, device=latents.device)
        ramp = (1 - 4 * position).clamp_min(0) - (4 * position - 3).clamp_min(0)
        half = (latents.select(axis, -1) - latents.select(axis, 0)) / 2
        shape = [1, 1, 1, 1]
        shape[axis] = length
        latents = latents + ramp.view(shape) * half.unsqueeze(axis)
    return latents
