"""What is optimised: close to every include, far from every exclude, each by its weight."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models.perceptor import Perceptor
from jobs.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Target:
    """A recipe's prompts as CLIP sees them.

    `embeddings` (prompts, d) of unit length; `weights` (prompts,): includes positive and adding up
    to 1, excludes negative on the same scale.
    """

    texts: tuple[str, ...]
    embeddings: Tensor
    weights: Tensor

    @property
    def includes(self) -> Tensor:
        return self.weights > 0


def target(recipe: Recipe, perceptor: Perceptor) -> Target:
    """The texts of a recipe, embedded once for all steps."""
    prompts = [(p.text, p.weight) for p in recipe.include]
    prompts += [(p.text, -p.weight) for p in recipe.exclude]
    texts = tuple(text for text, _ in prompts)
    embeddings = perceptor.embed_texts(texts)
    weights = torch.tensor([weight for _, weight in prompts], device=embeddings.device)
    return Target(texts, embeddings, weights / weights.clamp_min(0).sum())


def similarities(embedded: Tensor, targets: Sequence[Target]) -> list[Tensor]:
    """The mean cosine similarity of each row's cutouts to each of its prompts.

    `embedded` is (rows × cutouts, d) of unit length; one tensor (prompts,) for each row.
    """
    by_row = embedded.view(len(targets), -1, embedded.shape[-1])
    return [
        (cutouts @ target.embeddings.t()).mean(0)
        for cutouts, target in zip(by_row, targets, strict=True)
    ]


def loss(similarity: Tensor, target: Target, indifferent: float) -> Tensor:
    """(…, prompts) → (…): the weighted similarities to exclude minus those to include.

    An exclude pushes only while the picture is more similar to it than `indifferent`, which is
    what an unrelated text has; without an end to it, the push would wreck the picture.
    """
    near = similarity.clamp_min(indifferent)
    return -(torch.where(target.includes, similarity, near) * target.weights).sum(-1)


def total_variation(pictures: Tensor) -> Tensor:
    """How much neighbouring pixels differ, on average: (rows, 3, height, width) → (rows,).

    Rudin, Osher, Fatemi, "Nonlinear total variation based noise removal algorithms" (1992).
    """
    across = (pictures[..., 1:] - pictures[..., :-1]).abs().mean((1, 2, 3))
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).abs().mean((1, 2, 3))
    return across + down
