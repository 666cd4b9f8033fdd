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

    `regions` say where in the image an include is to be seen. `spans` say from which to which share
    of the steps each prompt holds, 0 to 1 but for the scenes of a story; `at` is the target at one
    time.
    """

    texts: tuple[str, ...]
    embeddings: Tensor  # (prompts, d), unit length
    weights: Tensor  # (prompts,): includes add up to 1, excludes are negative on that scale
    floors: Tensor  # (prompts,): cosine of unrelated prompts, at which an exclude stops pushing
    includes: int  # how many prompts are includes
    spans: tuple[tuple[float, float], ...] = ()  # of the includes; none if all hold all the time
    regions: tuple[Region | None, ...] = ()  # of the includes; none if all are for the whole image

    @property
    def include_mask(self) -> Tensor:
        return self.weights > 0

    @property
    def scenes(self) -> int:
        """Scenes of the longest story, 1 without one."""
        return round(max((1 / (end - begin) for begin, end in self.spans), default=1.0))

    @property
    def views(self) -> tuple[Region | None, ...]:
        """What CLIP sees: the regions, and the whole image if any prompt is for it."""
        return tuple(dict.fromkeys(self.regions)) or (None,)

    def similarity(self, cutouts: Tensor) -> Tensor:
        """The mean cosine similarity of cutouts (cutouts, d) to each prompt: (prompts,).

        The cutouts of the views follow each other, as many of each as `share_out` says. Those of a
        region count for the prompts of that region, and for those without one.
        """
        scores = cutouts @ self.embeddings.t()
        if not any(self.regions):
            return scores.mean(0)
        views = self.views
        counts = share_out(len(cutouts), len(views))
        of_views = torch.stack([part.mean(0) for part in scores.split(counts)])
        everywhere = scores.mean(0)
        own = [
            of_views[views.index(region), prompt] if region else everywhere[prompt]
            for prompt, region in enumerate(self.regions)
        ]
        return torch.cat([torch.stack(own), everywhere[len(own) :]])

    def at(self, progress: float, fade: float) -> "Target":
        """The target after a share of the steps, when one scene may be fading into the next.

        Both hold for a share `fade` of the steps. Includes add up to 1.
        """
        if self.scenes == 1:
            return self
        shares = [_presence(progress, begin, end, fade) for begin, end in self.spans]
        shares += [1.0] * (len(self.weights) - len(shares))
        weights = self.weights * self.weights.new_tensor(shares)
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


def share_out(count: int, shares: int) -> list[int]:
    """Splits a count into nearly equal parts: `share_out(8, 3)` → `[3, 3, 2]`."""
    return [count // shares + (place < count % shares) for place in range(shares)]


def _presence(progress: float, begin: float, end: float, fade: float) -> float:
    """How present a scene is, 0 to 1; the scenes of a story always add up to 1."""

    def risen(at: float) -> float:
        return min(1.0, max(0.0, (progress - at) / fade + 0.5))

    return (risen(begin) if begin > 0 else 1.0) - (risen(end) if end < 1 else 0.0)


def embed_target(
    recipe: Recipe,
    images: Mapping[str, Image.Image],
    perceptor: Perceptor,
    config: LossConfig,
    device: torch.device,
) -> Target:
    """A recipe's prompts, embedded once for all steps: includes first, texts before images.

    `images` holds those that the recipe names.
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
    """(1, 3, side, side) from 0 to 1, cropped as in CLIP's training."""
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

    An exclude pushes only while the similarity is above its floor. A push without end would wreck
    the image.
    """
    floored = torch.maximum(similarity, target.floors)
    return -(torch.where(target.include_mask, similarity, floored) * target.weights).sum(-1)


def total_variation(images: Tensor, tile: Tile | None = None) -> Tensor:
    """(batch, 3, height, width) → (batch,): how much neighbouring pixels differ.

    With `tile`, pixels at opposite edges are neighbours.

    Over a square of side 1, so that an image has as much of it at any resolution. Rudin, Osher,
    Fatemi, "Nonlinear total variation based noise removal algorithms" (1992).
    """
    height, width = images.shape[2:]
    if tile:
        images = F.pad(images, (0, int(tile.across), 0, int(tile.down)), mode="circular")
    across = (images[..., 1:] - images[..., :-1]).abs().mean((1, 2, 3))
    down = (images[..., 1:, :] - images[..., :-1, :]).abs().mean((1, 2, 3))
    return across * width + down * height
