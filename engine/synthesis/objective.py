"""What is optimised: close to every include, far from every exclude, each by its weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from core.recipe import A_PICTURE, Recipe
from engine.models.perceptor import Perceptor
from engine.synthesis.method import Method


@dataclass(frozen=True, slots=True)
class Target:
    """A recipe's prompts as CLIP sees them, the first `included` of them includes.

    `embeddings` (prompts, d) of unit length; `weights` (prompts,): includes positive and adding up
    to 1, excludes negative on the same scale; `floors` (prompts,): the similarity to what has
    nothing to do with the prompt, from which on an exclude pushes no further.
    """

    names: tuple[str, ...]
    embeddings: Tensor
    weights: Tensor
    floors: Tensor
    included: int
    shares: tuple[float, ...]
    """`weights` as numbers."""

    @property
    def includes(self) -> Tensor:
        return self.weights > 0


def target(
    recipe: Recipe,
    pictures: Mapping[str, Image.Image],
    perceptor: Perceptor,
    method: Method,
    device: torch.device,
) -> Target:
    """The prompts of a recipe, embedded once for all steps: includes first, texts before pictures.

    `pictures` holds those that the recipe names.
    """
    embeddings, names, weights, floors = [], [], [], []
    for sign, texts, shown in (
        (1, recipe.include, recipe.include_pictures),
        (-1, recipe.exclude, recipe.exclude_pictures),
    ):
        if texts:
            embeddings.append(perceptor.embed_texts([prompt.text for prompt in texts]))
        squares = [_square(pictures[prompt.name], perceptor.resolution) for prompt in shown]
        embeddings += [perceptor.embed_pictures(square.to(device)) for square in squares]
        names += [prompt.text for prompt in texts] + [A_PICTURE] * len(shown)
        weights += [sign * prompt.weight for prompt in texts]
        weights += [sign * prompt.weight for prompt in shown]
        floors += [method.indifferent] * len(texts) + [method.strange] * len(shown)
    scaled = torch.tensor(weights)
    scaled = scaled / scaled.clamp_min(0).sum()
    return Target(
        names=tuple(names),
        embeddings=torch.cat(embeddings),
        weights=scaled.to(device),
        floors=torch.tensor(floors, device=device),
        included=len(recipe.include) + len(recipe.include_pictures),
        shares=tuple(scaled.tolist()),
    )


def _square(picture: Image.Image, side: int) -> Tensor:
    """(1, 3, side, side) from 0 to 1: the middle of a picture, as CLIP was trained to see it."""
    fitted = ImageOps.fit(picture.convert("RGB"), (side, side), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(fitted)).movedim(-1, 0)[None].float() / 255


def similarities(embedded: Tensor, targets: Sequence[Target]) -> list[Tensor]:
    """The mean cosine similarity of each row's cutouts to each of its prompts.

    `embedded` is (rows × cutouts, d) of unit length; one tensor (prompts,) for each row.
    """
    by_row = embedded.view(len(targets), -1, embedded.shape[-1])
    return [
        (cutouts @ target.embeddings.t()).mean(0)
        for cutouts, target in zip(by_row, targets, strict=True)
    ]


def loss(similarity: Tensor, target: Target) -> Tensor:
    """(…, prompts) → (…): the weighted similarities to exclude minus those to include.

    An exclude pushes only while the picture is more similar to it than its floor; without an end to
    it, the push would wreck the picture.
    """
    near = torch.maximum(similarity, target.floors)
    return -(torch.where(target.includes, similarity, near) * target.weights).sum(-1)


def total_variation(pictures: Tensor) -> Tensor:
    """How much neighbouring pixels differ: (rows, 3, height, width) → (rows,).

    Over a square of side 1, so that a picture has as much of it at any resolution. Rudin, Osher,
    Fatemi, "Nonlinear total variation based noise removal algorithms" (1992).
    """
    height, width = pictures.shape[2:]
    across = (pictures[..., 1:] - pictures[..., :-1]).abs().mean((1, 2, 3))
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).abs().mean((1, 2, 3))
    return across * width + down * height
