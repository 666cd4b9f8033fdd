"""What is optimised: CLIP's loss for the prompts, and the total variation of the image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from core.pattern import Tile
from core.prompts import scene_spans
from core.recipe import A_PICTURE, Recipe
from engine.models.perceptor import Perceptor
from engine.synthesis.config import LossConfig
from engine.synthesis.latents import to_tensor


@dataclass(frozen=True, slots=True)
class Target:
    """A recipe's prompts as CLIP embeds them, includes first.

    `spans` say from which to which share of the steps each prompt holds, 0 to 1 but for the scenes
    of a story; `at` is the target at one time.
    """

    texts: tuple[str, ...]
    embeddings: Tensor  # (prompts, d), unit length
    weights: Tensor  # (prompts,): includes add up to 1, excludes are negative on that scale
    floors: Tensor  # (prompts,): cosine of unrelated prompts, at which an exclude stops pushing
    includes: int  # how many prompts are includes
    spans: tuple[tuple[float, float], ...] = ()  # of the includes; none if all hold all the time

    @property
    def include_mask(self) -> Tensor:
        return self.weights > 0

    @property
    def scenes(self) -> int:
        """Scenes of the longest story, 1 without one."""
        return round(max((1 / (end - begin) for begin, end in self.spans), default=1.0))

    def at(self, progress: float, fade: float) -> "Target":
        """With the weights after a share of the steps: one scene fades into the next.

        Both hold for a share `fade` of the steps. Includes add up to 1.
        """
        if self.scenes == 1:
            return self
        shares = [_presence(progress, begin, end, fade) for begin, end in self.spans]
        shares += [1.0] * (len(self.weights) - len(shares))
        weights = self.weights * self.weights.new_tensor(shares)
        return replace(self, weights=weights / weights.clamp_min(0).sum())

    def active(self) -> "Target":
        """Without the includes that have no weight."""
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
        )


def _presence(progress: float, begin: float, end: float, fade: float) -> float:
    """How much a scene is present, 0 to 1; those of a story add up to 1 at any time."""

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
        (1, recipe.include, recipe.include_pictures),
        (-1, recipe.exclude, recipe.exclude_pictures),
    ):
        if text_prompts:
            embeddings.append(perceptor.embed_texts([prompt.text for prompt in text_prompts]))
        crops = [_centre_crop(images[each.name], perceptor.resolution) for each in image_prompts]
        embeddings += [perceptor.embed_images(crop.to(device)) for crop in crops]
        texts += [prompt.text for prompt in text_prompts] + [A_PICTURE] * len(image_prompts)
        weights += [sign * prompt.weight for prompt in text_prompts]
        weights += [sign * prompt.weight for prompt in image_prompts]
        floors += [config.exclude_text_floor] * len(text_prompts)
        floors += [config.exclude_image_floor] * len(image_prompts)
    unscaled = torch.tensor(weights)
    return Target(
        texts=tuple(texts),
        embeddings=torch.cat(embeddings),
        weights=(unscaled / unscaled.clamp_min(0).sum()).to(device),
        floors=torch.tensor(floors, device=device),
        includes=len(recipe.include) + len(recipe.include_pictures),
        spans=(*scene_spans(recipe.include), *((0.0, 1.0) for _ in recipe.include_pictures)),
    )


def _centre_crop(image: Image.Image, side: int) -> Tensor:
    """(1, 3, side, side) from 0 to 1, cropped as in CLIP's training."""
    return to_tensor(ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.BICUBIC))


def cosine_similarities(features: Tensor, targets: Sequence[Target]) -> list[Tensor]:
    """The mean cosine similarity of each image's cutouts to each of its prompts.

    `features` (images × cutouts, d) of unit length, a target for each image → for each image
    (prompts,).
    """
    by_image = features.view(len(targets), -1, features.shape[-1])
    return [
        (cutouts @ target.embeddings.t()).mean(0)
        for cutouts, target in zip(by_image, targets, strict=True)
    ]


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
