"""Adversarial negatives: images optimised to match a caption under CLIP.

An image that CLIP scores highly need not show what the caption says. An adversarial image is
optimised towards a caption, as in rendering, and CLIP learns that it doesn't match the caption, so
that only real drawings score highly (persistent contrastive divergence: Tieleman,
"Training Restricted Boltzmann Machines using Approximations to the Likelihood Gradient", 2008; with
neural networks: Du and Mordatch, "Implicit Generation and Modeling with Energy-Based Models",
2019).
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from training.data.drawn_captions import Caption

COUNT = 256
BATCH = 16
STEPS = 2
STEP_LENGTH = 0.4
"""L2 norm over a 64 × 64 image with values from 0 to 1."""
MAX_USES = 60
"""The maximum number of uses of an image, after which a new one replaces it."""
GRAIN = 4
"""Pixels on a side of the area that one latent of the VQGAN affects."""

Similarity = Callable[[Tensor, list[Caption]], Tensor]


@dataclass(slots=True)
class AdversarialImage:
    """An image (3, 64, 64) from 0 to 1 that is being optimised for a caption.

    A `small` one has no detail finer than two pixels, like an image rendered at half the size.
    """

    image: Tensor
    caption: Caption
    uses_left: int
    small: bool


class AdversarialImages:
    """A buffer of adversarial images; a new one replaces each that has been used up."""

    def __init__(self) -> None:
        self.buffer: list[AdversarialImage] = []
        self._random = Random(0)

    def next(
        self, scenes: Tensor, captions: list[Caption], similarity: Similarity
    ) -> tuple[Tensor, list[Caption]]:
        """Some images (BATCH, 3, 64, 64), optimised for a few more steps, and their captions.

        New ones start from `scenes`, drawings with `captions`. `similarity` gives the similarity
        of each image to its caption: (batch,).
        """
        while len(self.buffer) < COUNT:
            self.buffer.append(self._new(scenes, captions))
        chosen = self._random.sample(self.buffer, BATCH)
        used = [entry.caption for entry in chosen]
        images = torch.stack([entry.image for entry in chosen]).to(scenes.device)
        small = torch.tensor([entry.small for entry in chosen], device=scenes.device)
        for _ in range(STEPS):
            images = _improved(images, small, lambda batch: similarity(batch, used))
        for entry, image in zip(chosen, images.cpu(), strict=True):
            entry.image = image
            entry.uses_left -= 1
        self.buffer = [entry for entry in self.buffer if entry.uses_left > 0]
        return images, used

    def _new(self, scenes: Tensor, captions: list[Caption]) -> AdversarialImage:
        """A blurred drawing or its mean colour, with its own caption in half of the cases."""
        first, second = (self._random.randrange(len(captions)) for _ in range(2))
        grain = self._random.choice((16, 16, 64))
        blurred = F.avg_pool2d(scenes[first : first + 1].cpu(), grain)
        start = F.interpolate(blurred, scale_factor=grain, mode="bilinear", align_corners=False)
        return AdversarialImage(
            image=start[0],
            caption=captions[self._random.choice((first, second))],
            uses_left=self._random.randint(MAX_USES // 6, MAX_USES),
            small=self._random.random() < 0.4,
        )


def _improved(images: Tensor, small: Tensor, similarity: Callable[[Tensor], Tensor]) -> Tensor:
    """One gradient step; for half of the images as coarse as the VQGAN's latents."""
    start = images.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(similarity(start).sum(), start)
    is_even = torch.arange(len(images), device=images.device)[:, None, None, None] % 2 == 0
    direction = torch.where(is_even, gradient, _coarse(gradient, GRAIN)).flatten(1)
    step = STEP_LENGTH * F.normalize(direction, dim=1).view_as(images)
    step = torch.where(small[:, None, None, None], _coarse(step, 2), step)
    return (images + step).clamp(0, 1).detach()


def _coarse(images: Tensor, grain: int) -> Tensor:
    """Removes details smaller than `grain` pixels."""
    pooled = F.avg_pool2d(images, grain)
    return F.interpolate(pooled, scale_factor=grain, mode="bilinear", align_corners=False)
