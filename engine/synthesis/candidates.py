"""Candidates for the start of an image, ranked by CLIP."""

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.model import Model
from engine.synthesis.objective import Target, clip_loss

EMBED_BATCH = 64  #: candidates that are embedded together; few enough for a CPU's cache


def candidate_loss(model: Model, target: Target, images: Tensor) -> Tensor:
    """CLIP's loss: (candidates, 3, h, w) from 0 to 1 → (candidates,)."""
    side = model.perceptor.resolution
    batches = [fit(batch, side, side) for batch in images.split(EMBED_BATCH)]
    features = torch.cat([model.perceptor.embed_images(batch) for batch in batches])
    return clip_loss(features.float() @ target.embeddings.t(), target)


def fit(images: Tensor, width: int, height: int) -> Tensor:
    """Resizes square images without distortion, and repeats their edges along the longer side."""
    side = min(width, height)
    scaled = F.interpolate(images, (side, side), mode="bilinear", align_corners=False)
    across, down = width - side, height - side
    padding = (across // 2, across - across // 2, down // 2, down - down // 2)
    return F.pad(scaled, padding, mode="replicate")
