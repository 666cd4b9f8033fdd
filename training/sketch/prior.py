"""Trains the pixel prior: from noise to drawn scenes, conditioned on CLIP's embeddings."""

from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from engine.models.prior import PIXEL_SIDE, PixelPrior
from training.data import drawn_batches as batches
from training.data.drawing import draw
from training.data.drawn_captions import Caption, caption
from training.data.drawn_scenes import random_pair, random_scene
from training.muon import MuonTraining
from training.sketch.compositions import canonical
from training.sketch.perceptor import EMBEDDING, PerceptorTraining

LEARNING_RATE = 3e-3
ROWS = 32
CONFIG = {
    "embedding": EMBEDDING,
    "width": 160,
    "depth": 6,
    "heads": 5,
    "condition_width": 64,
    "condition_tokens": 8,
}
MIN_TIME_LEFT = 0.05
"""Limits the weight of the squared error near the end of the flow."""
CAPTIONS = 4096
"""Captions from which the whitening is computed."""
MIN_VARIANCE = 0.01
"""Directions with a smaller variance are noise."""
TWO_FIGURES = 0.4
"""The share of scenes of two figures of different colours, which are the hardest."""
IMAGE_CONDITIONED = 4
"""Images of a batch that are conditioned on their own CLIP embedding, like images in prompts."""
UNCONDITIONAL = 3
"""Images of a batch without a condition, for classifier-free guidance."""


class PriorTraining(MuonTraining):
    """Trains a prior for `perceptor`, which is frozen."""

    def __init__(self, perceptor: PerceptorTraining) -> None:
        super().__init__()
        self.prior = PixelPrior(**CONFIG)
        self.perceptor = perceptor.requires_grad_(False).eval()
        self._whiten_conditions()

    @torch.no_grad()
    def _whiten_conditions(self) -> None:
        """Initialises the conditioning with the whitened directions in which captions differ.

        Embeddings depend far less on which figure has which colour than on which colours there are.
        """
        random = Random(8)
        captions = [caption(random_scene(random), random) for _ in range(CAPTIONS)]
        embedded = torch.cat(
            [self.perceptor.embed_texts(captions[i : i + ROWS]) for i in range(0, CAPTIONS, ROWS)]
        )
        spread, directions = torch.linalg.eigh(torch.cov(embedded.float().t()) * EMBEDDING)
        largest = slice(-CONFIG["condition_width"], None)
        self.prior.whiten.weight.copy_(
            (directions * spread.clamp_min(MIN_VARIANCE).rsqrt())[:, largest].t()
        )
        self.prior.whiten.bias.copy_(
            -self.prior.whiten.weight @ embedded.float().mean(0) * EMBEDDING**0.5
        )

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return self.optimisers(self.prior.blocks, self.prior.parameters(), LEARNING_RATE)

    def training_step(self, batch: batches.Captioned, batch_idx: int) -> None:
        images, captions, _ = batch
        loss = self.loss(images, self.conditions(images, captions))
        self.descend(loss)
        if batch_idx % 50 == 0:
            self.log("loss", loss)

    def loss(self, images: Tensor, conditions: Tensor) -> Tensor:
        """Squared error of the velocity that the predicted images imply.

        `images` (batch, 3, 64, 64) from 0 to 1; `conditions` (batch, EMBEDDING). Times are drawn
        from a logit-normal distribution (Esser et al., "Scaling Rectified Flow Transformers",
        2024) that favours early ones, at which the composition is decided.
        """
        true = F.avg_pool2d(images, images.shape[-1] // PIXEL_SIDE) * 2 - 1
        times = torch.sigmoid(torch.randn(len(true), device=true.device) - 0.3)
        t = times[:, None, None, None]
        noisy = torch.randn_like(true).lerp(true, t)
        predicted = self.prior(noisy, times, conditions).float()
        loss: Tensor = ((predicted - true) / (1 - t).clamp_min(MIN_TIME_LEFT)).square().mean()
        return loss

    @torch.no_grad()
    def conditions(self, images: Tensor, captions: list[Caption]) -> Tensor:
        """(batch, EMBEDDING) of unit length; zeros for those without a condition."""
        self.perceptor.eval()
        conditions = self.perceptor.embed_texts(captions)
        conditions[:IMAGE_CONDITIONED] = F.normalize(
            self.perceptor.embed(images[:IMAGE_CONDITIONED]), dim=-1
        )
        conditions[IMAGE_CONDITIONED : IMAGE_CONDITIONED + UNCONDITIONAL] = 0
        return conditions

    def transfer_batch_to_device(
        self, batch: batches.Captioned, device: torch.device, dataloader_idx: int
    ) -> batches.Captioned:
        return batches.to_device(batch, device)

    def train_dataloader(self) -> DataLoader[object]:
        return batches.loader(_batch, seed=self.global_step + 21, workers=1)


def _batch(random: Random) -> batches.Captioned:
    """Captions of random scenes, with the scenes in their canonical layouts."""
    scenes = [
        random_pair(random) if random.random() < TWO_FIGURES else random_scene(random)
        for _ in range(ROWS)
    ]
    captions = [caption(scene, random) for scene in scenes]
    scenes = [
        canonical(scene, caption_.claims, random)
        for scene, caption_ in zip(scenes, captions, strict=True)
    ]
    return batches.to_tensor([draw(scene) for scene in scenes]), captions, scenes
