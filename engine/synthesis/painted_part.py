"""Painting a part of an image: which latents are optimised, what CLIP sees, where it starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F

from core.recipe import Recipe
from core.repaint import Move
from engine.device import autocast
from engine.inpainting import Inpainting
from engine.models.model import Model
from engine.synthesis.candidates import fit
from engine.synthesis.config import SynthesisConfig
from engine.synthesis.gradient_start import best_of_gradients
from engine.synthesis.latents import to_tensor
from engine.synthesis.objective import Target
from engine.synthesis.prior_start import best_of_prior, edge_colours, matte
from engine.synthesis.validation import RecipeRefused, RefusalCode

Box = tuple[slice, slice]  #: rows and columns


@dataclass(frozen=True, slots=True)
class PaintedPart:
    """`image` (1, 3, height, width) from 0 to 1, and `mask` (1, 1, height, width): 1 is painted.

    `latent_mask` (1, 1, h, w) is 1 for the latents of painted pixels; `box` are the rows and
    columns that CLIP sees, which are those of the mask with a margin.
    """

    image: Tensor
    mask: Tensor
    latent_mask: Tensor
    box: Box
    move: Move | None  # if the image was moved, and what that uncovers is painted

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        images: Mapping[str, Image.Image],
        factor: int,
        margin: float,
        device: torch.device,
    ) -> Self | None:
        """Of a recipe that repaints a part; None for any other. Raises RecipeRefused."""
        inpainting = Inpainting.of(recipe, images, (recipe.width, recipe.height))
        if not inpainting or not recipe.repaint:
            return None
        mask = torch.from_numpy(np.array(inpainting.mask)).to(device)[None, None].float() / 255
        if not mask.any():
            raise RecipeRefused(RefusalCode.EMPTY_MASK)
        return cls(
            image=to_tensor(inpainting.image).to(device),
            mask=mask,
            latent_mask=F.max_pool2d(mask, factor).ceil(),
            box=_box(mask[0, 0], round(margin * min(recipe.width, recipe.height))),
            move=recipe.repaint.move,
        )

    def composite(self, painted: Tensor) -> Tensor:
        """(batch, 3, height, width): where the mask is 0, exactly the image."""
        return self.image.lerp(painted, self.mask)

    def first_latents(
        self,
        model: Model,
        target: Target,
        config: SynthesisConfig,
        generators: Sequence[Generator],
        styles: Tensor | None,
    ) -> Tensor:
        """The image with a start for its part: (generators, embed_dim, h, w).

        What surrounds the part is continued into it, and the best candidate for the prompts is
        laid on that: what a prior paints without its ground. After zooming out there is noise
        instead, as the prompts' things are in the middle already.
        """
        starts = []
        for row, generator in enumerate(generators):
            start = self.image if self.move else filled(self.image, self.mask)
            if self.move is Move.ZOOM_OUT:
                noise = torch.randn(start.shape, generator=generator, device=start.device)
                start = start + config.init.edge_noise * noise
            else:
                rows, columns = _box(self.mask[0, 0], 0)
                size = columns.stop - columns.start, rows.stop - rows.start
                style = None if styles is None else styles[row]
                with autocast(start.device):
                    layer = _best_layer(model, target, config, size, generator, style)
                start = start.clone()
                colours, cover = layer.float().split([3, 1], 1)
                start[:, :, rows, columns] = start[:, :, rows, columns].lerp(colours, cover)
            starts.append(model.vqgan.encode(self.composite(start.clamp(0, 1))))
        return torch.cat(starts)


def _best_layer(
    model: Model,
    target: Target,
    config: SynthesisConfig,
    size: tuple[int, int],
    generator: Generator,
    style: Tensor | None,
) -> Tensor:
    """The best candidate at this width and height, with alpha: (1, 4, height, width)."""
    if not model.prior:
        best = best_of_gradients(model, target, config, *size, generator)
        return torch.cat([best, torch.ones_like(best[:, :1])], 1)
    sample = best_of_prior(model, target, config, generator, style)
    image = model.prior.to_images(sample, model.vqgan).float()
    cover = matte(image[0], edge_colours(image)[0], config.init)[None]
    return fit(torch.cat([image, cover], 1), *size)


def filled(image: Tensor, mask: Tensor) -> Tensor:
    """Fills the masked part of (1, 3, height, width) smoothly from its surroundings.

    By push-pull: holes get the mean of the known pixels at the next coarser size that has any
    (Gortler et al., "The Lumigraph", 1996).
    """
    known = (mask == 0).float()
    if known.all() or not known.any():
        return image
    share = F.avg_pool2d(known, 2, ceil_mode=True)
    coarse = F.avg_pool2d(image * known, 2, ceil_mode=True) / share.clamp_min(1e-6)
    coarse = filled(coarse, (share == 0).float())
    size = (image.shape[2], image.shape[3])
    coarse = F.interpolate(coarse, size, mode="bilinear", align_corners=False)
    return image * known + coarse * (1 - known)


def _box(mask: Tensor, margin: int) -> Box:
    """The rows and columns of a mask (height, width) that are not 0, with a margin around."""
    rows, columns = (
        slice(
            max(0, int(places[0]) - margin),
            min(length, int(places[-1]) + 1 + margin),
        )
        for length, places in (
            (mask.shape[0], mask.any(1).nonzero()[:, 0]),
            (mask.shape[1], mask.any(0).nonzero()[:, 0]),
        )
    )
    return rows, columns
