"""Starts images without colours, for prompts that ask for black and white."""

import torch
from torch import Tensor

from core.recipe import Recipe
from core.understanding.vocabulary import vocabulary_of
from engine.models.model import Model

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue look (ITU-R BT.601)."""


def asks_for_black_and_white(recipe: Recipe, model: Model) -> bool:
    """Whether the first scene asks for it, and the model has a prior to start from."""
    vocabulary = vocabulary_of(model.name)
    texts = [prompt.text for prompt in recipe.include if prompt.scene < 2]
    return bool(vocabulary and model.prior and vocabulary.asks_for_black_and_white(texts))


def without_colours(images: Tensor) -> Tensor:
    """Images (batch, 3, height, width) from 0 to 1 → the same in shades of gray."""
    weights = torch.tensor(LUMA, device=images.device, dtype=images.dtype)
    gray = (images * weights[:, None, None]).sum(1, keepdim=True)
    return gray.expand_as(images)
