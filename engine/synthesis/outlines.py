"""Draws outlines where the colour changes, for prompts that ask for an outline drawing.

The areas between the lines are white, as in a colouring book, unless the prompt names a colour.
The prior was trained on few outline drawings, and a VQGAN blurs lines as thin as those.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from core.recipe import Recipe
from core.understanding.composer import composer_of
from core.understanding.vocabulary import vocabulary_of
from engine.models.model import Model
from engine.synthesis.config import OutlineConfig, SynthesisConfig
from engine.synthesis.latents import decode


def asks_for_outlines(recipe: Recipe, model: Model) -> bool:
    """Whether the includes ask for outlines, and the model can start from an outlined image."""
    vocabulary = vocabulary_of(model.name)
    return bool(vocabulary and model.prior and vocabulary.asks_for_outlines(recipe.first_texts))


def keeps_colours(recipe: Recipe, model: Model) -> bool:
    """Whether an outline drawing is coloured, because the includes name a colour."""
    composer = composer_of(model.name)
    return bool(composer and composer.names_colours(recipe.first_texts))


def outlined_latents(
    model: Model, latents: Tensor, config: SynthesisConfig, filled: bool
) -> tuple[Tensor, Tensor]:
    """Latents (batch, embed_dim, h, w) of the same images as outline drawings, and these images."""
    images = draw_outlines(decode(model.vqgan, latents, config.quantize), config.outline, filled)
    return model.vqgan.encode(images), images.float()


def draw_outlines(images: Tensor, config: OutlineConfig, filled: bool) -> Tensor:
    """Images (batch, 3, height, width) from 0 to 1, with black lines where the colour changes.

    Everything else is white, or unchanged if `filled`.
    """
    width, margin = config.width, config.width // 2
    highest = F.max_pool2d(images, width, 1, margin)
    lowest = -F.max_pool2d(-images, width, 1, margin)
    contrast = (highest - lowest).amax(1, keepdim=True)
    line = ((contrast - config.contrast) / config.contrast).clamp(0, 1)
    areas = images if filled else torch.ones_like(images)
    return areas * (1 - line)
