"""Trains the prior: latents of scenes out of noise, from what their captions say."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from engine.models.prior import LatentPrior
from training.muon import MuonTraining
from training.stages.alignment import WIDTH

LEARNING_RATE = 3e-3
BATCH = 96
CONFIG: dict[str, int] = {
    "channels": 16,
    "side": 16,
    "patch": 2,
    "embedding": WIDTH,
    "width": 256,
    "depth": 9,
    "heads": 4,
    "condition_width": 96,
    "condition_tokens": 8,
}
UNCONDITIONAL = 0.1
"""The share of scenes without a caption, for classifier-free guidance."""
BY_IMAGE = 0.12
"""The share conditioned on the scene's own embedding, as images in prompts are."""
CONDITION_NOISE = 0.25
"""Length of the noise that is added to embeddings: the text tower is not exact."""
EMA_DECAY = 0.999
LARGEST_WEIGHT = 20.0
"""Of the squared error near t = 1, where it would grow without bound."""

Batch = tuple[Tensor, Tensor]


class PriorTraining(MuonTraining):
    """`latents` (n, channels, side, side) are normalised; `captions` (n, k) are rows of `said`."""

    def __init__(self, latents: Tensor, seen: Tensor, said: Tensor, captions: Tensor) -> None:
        super().__init__()
        self.prior = LatentPrior(**CONFIG)
        self.ema = LatentPrior(**CONFIG).requires_grad_(False)
        self._latents, self._seen, self._said, self._captions = latents, seen, said, captions
        self._predict: Callable[..., Tensor] = self.prior
        self._whiten_conditions()
        self.ema.load_state_dict(self.prior.state_dict())

    @torch.no_grad()
    def _whiten_conditions(self) -> None:
        """Starts with the directions in which captions differ, each as strong as the others."""
        said = self._said.float()
        spread, directions = torch.linalg.eigh(torch.cov(said.t()) * WIDTH)
        most = slice(-CONFIG["condition_width"], None)
        self.prior.whiten.weight.copy_((directions * spread.clamp_min(0.01).rsqrt())[:, most].t())
        self.prior.whiten.bias.copy_(-self.prior.whiten.weight @ said.mean(0) * WIDTH**0.5)

    def on_train_start(self) -> None:
        self._predict = torch.compile(self.prior)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return self.optimisers(self.prior.blocks, self.prior.parameters(), LEARNING_RATE)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        latents, conditions = batch
        loss = self.loss(latents, conditions)
        self.descend(loss)
        with torch.no_grad():
            decay = min(EMA_DECAY, (batch_idx + 1) / (batch_idx + 10))
            for mean, value in zip(self.ema.parameters(), self.prior.parameters(), strict=True):
                mean.lerp_(value, 1 - decay)
        if batch_idx % 100 == 0:
            self.log("loss", loss)

    def loss(self, latents: Tensor, conditions: Tensor) -> Tensor:
        """Squared error of the velocity that the predicted latents imply.

        Times are drawn from a logit-normal distribution (Esser et al., "Scaling Rectified Flow
        Transformers", 2024).
        """
        times = torch.sigmoid(torch.randn(len(latents), device=latents.device) - 0.3)
        t = times[:, None, None, None]
        noisy = torch.randn_like(latents).lerp(latents, t)
        predicted = self._predict(noisy, times, conditions).float()
        weight = (1 - t).clamp_min(LARGEST_WEIGHT**-0.5).square().reciprocal()
        loss: Tensor = (weight * (predicted - latents).square()).mean()
        return loss

    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(_Latents(self), batch_size=None, num_workers=0)

    def state(self) -> dict[str, Any]:
        """What is exported: the mean of the weights over the latest steps."""
        return self.ema.state_dict()


class _Latents(IterableDataset[Batch]):
    def __init__(self, training: PriorTraining) -> None:
        self.training = training

    def __iter__(self) -> Iterator[Batch]:
        training = self.training
        generator = torch.Generator().manual_seed(training.global_step + 21)
        count, each = training._captions.shape
        while True:
            rows = torch.randint(count, (BATCH,), generator=generator)
            caption = training._captions[rows, torch.randint(each, (BATCH,), generator=generator)]
            conditions = training._said[caption].float()
            chance = torch.rand(BATCH, 1, generator=generator)
            conditions = torch.where(chance < BY_IMAGE, training._seen[rows].float(), conditions)
            noise = torch.randn(conditions.shape, generator=generator)
            length = CONDITION_NOISE * torch.rand(BATCH, 1, generator=generator)
            conditions = F.normalize(conditions + length * F.normalize(noise, dim=1), dim=1)
            conditions = conditions * (chance < 1 - UNCONDITIONAL)
            yield training._latents[rows].float(), conditions
