"""Starts images without colours, for prompts that ask for black and white."""

from torch import Tensor
from torchvision.transforms.functional import rgb_to_grayscale

from core.recipe import Recipe
from core.understanding.vocabulary import vocabulary_of
from engine.models.model import Model


def asks_for_black_and_white(recipe: Recipe, model: Model) -> bool:
    """Whether the includes ask for it, and the model has a prior to start from."""
    vocabulary = vocabulary_of(model.name)
    return bool(
        vocabulary and model.prior and vocabulary.asks_for_black_and_white(recipe.first_texts)
    )


def gray_latents(model: Model, images: Tensor) -> tuple[Tensor, Tensor]:
    """Images (batch, 3, height, width) from 0 to 1 → their latents in gray, and the gray images."""
    gray = rgb_to_grayscale(images, num_output_channels=3)
    return model.vqgan.encode(gray), gray
