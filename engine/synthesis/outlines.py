"""Draws outlines around areas of colour, for prompts that ask for an outline drawing.

The prior was trained on few outline drawings, and a VQGAN blurs lines as thin as those.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from core.recipe import Recipe
from core.understanding.vocabulary import vocabulary_of
from engine.models.model import Model
from engine.synthesis.config import OutlineConfig
from engine.synthesis.latents import decode


def asks_for_outlines(recipe: Recipe, model: Model) -> bool:
    """Whether the includes ask for outlines, and the model can start from an outlined image."""
    vocabulary = vocabulary_of(model.name)
    texts = [prompt.text for prompt in recipe.include if prompt.scene < 2]
    return bool(vocabulary and model.prior and vocabulary.asks_for_outlines(texts))


def outlined_latents(model: Model, latents: Tensor, config: OutlineConfig) -> tuple[Tensor, Tensor]:
    """Latents (batch, embed_dim, h, w) of the same images with outlines, and these images."""
    images = draw_outlines(decode(model.vqgan, latents, quantize=True), config)
    return model.vqgan.encode(images), images.float()


def draw_outlines(images: Tensor, config: OutlineConfig) -> Tensor:
    """Images (batch, 3, height, width) from 0 to 1, with black lines where the colour changes."""
    width, margin = config.width, config.width // 2
    highest = F.max_pool2d(images, width, 1, margin)
    lowest = -F.max_pool2d(-images, width, 1, margin)
    contrast = (highest - lowest).amax(1, keepdim=True)
    line = ((contrast - config.contrast) / config.contrast).clamp(0, 1)
    return torch.lerp(images, torch.zeros_like(images), line)
