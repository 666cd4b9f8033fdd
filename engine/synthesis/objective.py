"""What is optimised: CLIP's loss for the prompts, and the total variation of the image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from core.pattern import Tile
from core.prompts import scene_spans
from core.recipe import AN_IMAGE, Recipe
from core.regions import Region
from engine.models.perceptor import Perceptor
from engine.synthesis.config import LossConfig
from engine.synthesis.latents import to_tensor


@dataclass(frozen=True, slots=True)
class Target:
    """A recipe's prompts as CLIP embeds them, includes first.

    `regions` are where includes should appear in the image. `spans` are the shares of the steps
    from which and until which includes are active: 0 to 1, except in the scenes of a story. `at`
    returns the target at one time.
    """

    texts: tuple[str, ...]
    embeddings: Tensor  # (prompts, d), unit length
    weights: Tensor  # (prompts,): includes add up to 1; excludes are negative, on the same scale
    floors: Tensor  # (prompts,): cosine of unrelated prompts, at which an exclude stops pushing
    includes: int  # how many prompts are includes
    spans: tuple[tuple[float, float], ...] = ()  # of the includes; empty if all are always active
    regions: tuple[Region | None, ...] = ()  # of the includes; empty if all are for the whole image

    @property
    def include_mask(self) -> Tensor:
        return self.weights > 0

    @property
    def scenes(self) -> int:
        """The number of scenes in the longest story; 1 without one."""
        return round(max((1 / (end - start) for start, end in self.spans), default=1.0))

    @property
    def views(self) -> tuple[Region | None, ...]:
        """What CLIP sees: the regions, and the whole image if any include is for it."""
        return tuple(dict.fromkeys(self.regions)) or (None,)

    def similarity(self, cutouts: Tensor) -> Tensor:
        """The mean cosine similarity of cutouts (cutouts, d) to each prompt: (prompts,).

        The cutouts of each view follow those of the previous one; `split_evenly` says how many
        there are. A region's cutouts count for its own prompts, and for those without a region.
        """
        scores = cutouts @ self.embeddings.t()
        if not any(self.regions):
            return scores.mean(0)
        views = self.views
        counts = split_evenly(len(cutouts), len(views))
        by_view = torch.stack([part.mean(0) for part in scores.split(counts)])
        overall = scores.mean(0)
        includes = [
            by_view[views.index(region), prompt] if region else overall[prompt]
            for prompt, region in enumerate(self.regions)
        ]
        return torch.cat([torch.stack(includes), overall[len(includes) :]])

    def at(self, progress: float, fade: float) -> "Target":
        """The target after a share of the steps; one scene may be fading into the next.

        A fade takes a share `fade` of the steps. The weights of the includes add up to 1.
        """
        if self.scenes == 1:
            return self
        activity = [_activity(progress, start, end, fade) for start, end in self.spans]
        activity += [1.0] * (len(self.weights) - len(activity))
        weights = self.weights * self.weights.new_tensor(activity)
        return replace(self, weights=weights / weights.clamp_min(0).sum())

    def active(self) -> "Target":
        """A copy without the includes whose weight is 0."""
        kept = (self.weights != 0).nonzero()[:, 0]
        if len(kept) == len(self.weights):
            return self
        return replace(
            self,
            texts=tuple(self.texts[index] for index in kept.tolist()),
            embeddings=self.embeddings[kept],
            weights=self.weights[kept],
            floors=self.floors[kept],
            includes=int((kept < self.includes).sum()),
            spans=(),
            regions=tuple(self.regions[index] for index in kept.tolist() if index < self.includes)
            if self.regions
            else (),
        )


def split_evenly(count: int, shares: int) -> list[int]:
    """Splits a count into nearly equal parts: `split_evenly(8, 3)` → `[3, 3, 2]`."""
    return [count // shares + (index < count % shares) for index in range(shares)]


def _activity(progress: float, start: float, end: float, fade: float) -> float:
    """How active a scene is, from 0 to 1. The scenes of a story always add up to 1."""

    def ramp(at: float) -> float:
        return min(1.0, max(0.0, (progress - at) / fade + 0.5))

    return (ramp(start) if start > 0 else 1.0) - (ramp(end) if end < 1 else 0.0)


def embed_target(
    recipe: Recipe,
    images: Mapping[str, Image.Image],
    perceptor: Perceptor,
    config: LossConfig,
    device: torch.device,
) -> Target:
    """Embeds a recipe's prompts, once for all steps: includes first, texts before images.

    `images` maps names in the recipe to images.
    """
    embeddings, texts, weights, floors = [], [], [], []
    for sign, text_prompts, image_prompts in (
        (1, recipe.include, recipe.include_images),
        (-1, recipe.exclude, recipe.exclude_images),
    ):
        if text_prompts:
            embeddings.append(perceptor.embed_texts([prompt.text for prompt in text_prompts]))
        crops = [centre_crop(images[each.name], perceptor.resolution) for each in image_prompts]
        embeddings += [perceptor.embed_images(crop.to(device)) for crop in crops]
        texts += [prompt.text for prompt in text_prompts] + [AN_IMAGE] * len(image_prompts)
        weights += [sign * prompt.weight for prompt in text_prompts]
        weights += [sign * prompt.weight for prompt in image_prompts]
        floors += [config.exclude_text_floor] * len(text_prompts)
        floors += [config.exclude_image_floor] * len(image_prompts)
    unscaled = torch.tensor(weights)
    regions = (*(each.region for each in recipe.include), *(None for _ in recipe.include_images))
    return Target(
        texts=tuple(texts),
        embeddings=torch.cat(embeddings),
        weights=(unscaled / unscaled.clamp_min(0).sum()).to(device),
        floors=torch.tensor(floors, device=device),
        includes=len(recipe.include) + len(recipe.include_images),
        spans=(*scene_spans(recipe.include), *((0.0, 1.0) for _ in recipe.include_images)),
        regions=regions if any(regions) else (),
    )


def centre_crop(image: Image.Image, side: int) -> Tensor:
    """An image → (1, 3, side, side) from 0 to 1, cropped as in CLIP's training."""
    return to_tensor(ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.BICUBIC))


def cosine_similarities(features: Tensor, targets: Sequence[Target]) -> list[Tensor]:
    """The mean cosine similarity of each image's cutouts to each of its prompts.

    `features` (images × cutouts, d) of unit length, a target for each image → for each image
    (prompts,).
    """
    by_image = features.view(len(targets), -1, features.shape[-1])
    return [target.similarity(cutouts) for cutouts, target in zip(by_image, targets, strict=True)]


def clip_loss(similarity: Tensor, target: Target) -> Tensor:
    """(…, prompts) → (…): the weighted similarity to excludes minus that to includes.

    An exclude has no effect once its similarity is below its floor. Without the floor, it would
    wreck the image.
    """
    floored = torch.maximum(similarity, target.floors)
    return -(torch.where(target.include_mask, similarity, floored) * target.weights).sum(-1)


def pixel_distance(images: Tensor, others: Tensor) -> Tensor:
    """The mean absolute difference of two (n, 3, height, width), plus that of their edges: (n,).

    Edges are the differences between neighbouring pixels; they keep thin lines sharp.
    """
    difference = images - others
    across, down = _contrast(difference)
    return difference.abs().mean((1, 2, 3)) + across + down


def total_variation(images: Tensor, tile: Tile | None = None) -> Tensor:
    """(batch, 3, height, width) → (batch,): how much neighbouring pixels differ.

    With `tile`, pixels at opposite edges are neighbours. Normalised to an image of side 1, so that
    it is independent of the resolution. Rudin, Osher, Fatemi, "Nonlinear total variation based
    noise removal algorithms" (1992).
    """
    height, width = images.shape[2:]
    if tile:
        images = F.pad(images, (0, int(tile.across), 0, int(tile.down)), mode="circular")
    across, down = _contrast(images)
    return across * width + down * height


def _contrast(images: Tensor) -> tuple[Tensor, Tensor]:
    """The mean absolute difference of pixels side by side, and of those above each other: (n,)."""
    across = (images[..., 1:] - images[..., :-1]).abs().mean((1, 2, 3))
    down = (images[..., 1:, :] - images[..., :-1, :]).abs().mean((1, 2, 3))
    return across, down
