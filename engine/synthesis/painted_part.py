"""Repainting a part of an image: which latents are optimised, what CLIP sees, how it starts."""

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
from core.understanding.composition import Composition
from engine.device import autocast
from engine.inpainting import Inpainting
from engine.models.model import Model
from engine.synthesis.candidates import fit
from engine.synthesis.config import SynthesisConfig
from engine.synthesis.gradient_start import best_gradient_image
from engine.synthesis.latents import to_tensor
from engine.synthesis.objective import Target
from engine.synthesis.prior_start import best_prior_samples, edge_colours, in_colour, matte
from engine.synthesis.validation import RecipeRefused, RefusalCode

Box = tuple[slice, slice]  #: rows and columns


@dataclass(frozen=True, slots=True)
class PaintedPart:
    """`image` (1, 3, height, width) from 0 to 1, and `mask` (1, 1, height, width): 1 is repainted.

    `latent_mask` (1, 1, h, w) is 1 for the latents of repainted pixels. `box` are the rows and
    columns that CLIP sees: those of the mask, with a margin.
    """

    image: Tensor
    mask: Tensor
    latent_mask: Tensor
    box: Box
    move: Move | None  # how the image was moved, if what this uncovers is painted

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        images: Mapping[str, Image.Image],
        factor: int,
        margin: float,
        device: torch.device,
    ) -> Self | None:
        """The part that a recipe repaints; None if it repaints nothing. Raises RecipeRefused."""
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
        """(batch, 3, height, width): exactly the image where the mask is 0."""
        return self.image.lerp(painted, self.mask)

    def first_latents(
        self,
        model: Model,
        target: Target,
        config: SynthesisConfig,
        generators: Sequence[Generator],
        styles: Tensor | None,
        composition: Composition,
    ) -> Tensor:
        """Latents of the image with a start for its part: (generators, embed_dim, h, w).

        The part is filled from its surroundings. Then the best candidate for the prompts is placed
        on it; a prior's sample without its background, in the colour that `composition` gives its
        only part. After zooming out, noise is added instead, because the prompts' things are
        already in the middle.
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
                    layer = _best_layer(model, target, config, size, generator, style, composition)
                start = start.clone()
                colours, alpha = layer.float().split([3, 1], 1)
                start[:, :, rows, columns] = start[:, :, rows, columns].lerp(colours, alpha)
            starts.append(model.vqgan.encode(self.composite(start.clamp(0, 1))))
        return torch.cat(starts)


def _best_layer(
    model: Model,
    target: Target,
    config: SynthesisConfig,
    size: tuple[int, int],
    generator: Generator,
    style: Tensor | None,
    composition: Composition,
) -> Tensor:
    """The best candidate at this width and height, with alpha: (1, 4, height, width)."""
    if not model.prior:
        best = best_gradient_image(model, target, config, *size, generator)
        return torch.cat([best, torch.ones_like(best[:, :1])], 1)
    styles = None if style is None else style[None]
    _, (image,) = best_prior_samples(model, target, config, [generator], styles)
    alpha = matte(image, edge_colours(image[None])[0], config.init)
    if len(composition.parts) == 1:
        image = in_colour(image, alpha, composition.parts[0], composition, config.recolouring)
    return fit(torch.cat([image, alpha])[None], *size)


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
    """The rows and columns of a mask (height, width) that are not 0, with a margin around them."""
    rows, columns = (
        slice(
            max(0, int(indices[0]) - margin),
            min(length, int(indices[-1]) + 1 + margin),
        )
        for length, indices in (
            (mask.shape[0], mask.any(1).nonzero()[:, 0]),
            (mask.shape[1], mask.any(0).nonzero()[:, 0]),
        )
    )
    return rows, columns
