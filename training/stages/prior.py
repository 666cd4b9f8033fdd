"""Trains the prior: from noise to latents of scenes, conditioned on their captions.

`principal_components` finds the space that it works in.
"""

import copy
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import pytorch_lightning as pl
import torch
import torch.distributed
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from engine.models.prior import LatentPrior
from training.data.sources import STYLES
from training.stages.alignment import WIDTH

log = logging.getLogger(__name__)

LEARNING_RATE = 1e-3
BATCH = 1024
CONFIG: dict[str, int] = {
    "channels": 16,
    "side": 16,
    "components": 768,
    "embedding": WIDTH,
    "width": 768,
    "depth": 8,
    "styles": len(STYLES),
}
UNCONDITIONAL = 0.1
"""The share of scenes without a caption, for classifier-free guidance."""
ANY_STYLE = 0.1
"""The share of scenes without a style."""
CONDITION_NOISE = 0.3
"""The maximum length of the noise on embeddings, which makes samples of similar texts similar."""
EMA_DECAY = 0.999
MAX_WEIGHT = 20.0
"""The maximum weight of the squared error, which would grow without bound near t = 1."""
TIME_SHIFT = -0.6
"""The mean logit of the times: early ones decide what is rendered, and are harder to learn."""
STYLE_WEIGHT = 0.05
"""The weight of the cross-entropy of styles."""

Batch = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class PriorData:
    """`latents` (n, channels, side, side), normalised. `styles` (n,) are indices of STYLES.

    `captions` (n, k) are rows of `text_embeddings`; `weights` (n,) are sampling weights.
    """

    latents: Tensor
    mean: Tensor
    std: Tensor
    text_embeddings: Tensor
    captions: Tensor
    styles: Tensor
    weights: Tensor


class PriorTraining(pl.LightningModule):
    """Learns from the projected latents of scenes, and from their captions.

    The network that computes gradients is a copy in bfloat16 without autocast, which would convert
    the weights in each step. The optimiser steps the float32 original. Muon learns more per step,
    but with this batch size it takes longer than the gradients, so AdamW is as fast.
    """

    progress = 0.0

    def __init__(self, data: PriorData) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.prior = LatentPrior(**CONFIG)
        self.ema = copy.deepcopy(self.prior).requires_grad_(False)
        self.data = data
        self.samples = torch.zeros(0)
        self._fast: list[LatentPrior] = []

    def on_train_start(self) -> None:
        torch.manual_seed(self.global_rank + self.global_step)
        self._fast = [copy.deepcopy(self.prior).bfloat16()]

    def find_components(self) -> None:
        """Sets the principal components that the prior works in."""
        data = self.data
        mean, basis, scale = principal_components(data.latents, CONFIG["components"])
        for network in (self.prior, self.ema):
            network.mean.copy_(data.mean + data.std * mean.view_as(network.mean))
            network.std.copy_(data.std)
            network.basis.copy_(basis)
            network.scale.copy_(scale)

    @torch.no_grad()
    def projected(self) -> Tensor:
        """(n, components) float16."""
        batches = (part.float() * self.data.std + self.data.mean for part in
                   self.data.latents.split(4096))  # fmt: skip
        return torch.cat([self.prior.project(batch).flatten(1).half() for batch in batches])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            self.prior.parameters(), LEARNING_RATE, (0.9, 0.98), weight_decay=0.01
        )

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        fast = self._fast[0]
        with torch.autocast(self.device.type, enabled=False):
            loss = self.loss(fast, *batch)
        loss.backward()
        self._step(fast)
        with torch.no_grad():
            decay = min(EMA_DECAY, (self.global_step + 1) / (self.global_step + 10))
            torch._foreach_lerp_(
                list(self.ema.parameters()), list(self.prior.parameters()), 1 - decay
            )
        self.log("loss", loss)

    def _step(self, fast: LatentPrior) -> None:
        """Steps the float32 weights with the gradients of their copy, averaged over processes."""
        optimizer = self.optimizers()
        assert isinstance(optimizer, LightningOptimizer)
        copies = list(zip(fast.parameters(), self.prior.parameters(), strict=True))
        for fast_weight, weight in copies:
            assert fast_weight.grad is not None
            if torch.distributed.is_initialized():
                torch.distributed.all_reduce(fast_weight.grad, torch.distributed.ReduceOp.SUM)
                fast_weight.grad /= torch.distributed.get_world_size()
            weight.grad, fast_weight.grad = fast_weight.grad.to(weight.dtype), None
        torch.nn.utils.clip_grad_norm_(self.prior.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for fast_weight, weight in copies:
                fast_weight.copy_(weight)

    def loss(
        self, network: LatentPrior, samples: Tensor, conditions: Tensor, styles: Tensor
    ) -> Tensor:
        """Squared error of the velocity that the predicted samples imply, and that of styles.

        Times are drawn from a logit-normal distribution (Esser et al., "Scaling Rectified Flow
        Transformers", 2024).
        """
        times = torch.sigmoid(torch.randn(len(samples), device=samples.device) + TIME_SHIFT)
        t = times[:, None]
        noisy = torch.randn_like(samples).lerp(samples, t)
        given_styles = torch.where(torch.rand_like(times) < ANY_STYLE, 0, styles)
        embeddings = conditions.bfloat16()
        predicted = network(noisy.bfloat16(), times, embeddings, given_styles).float().flatten(1)
        weight = (1 - t).clamp_min(MAX_WEIGHT**-0.5).square().reciprocal()
        loss: Tensor = (weight * (predicted - samples).square()).mean()
        logits = network.style_logits(embeddings).float()
        conditioned = conditions.abs().sum(1) > 0
        return loss + STYLE_WEIGHT * F.cross_entropy(logits[conditioned], styles[conditioned])

    def train_dataloader(self) -> DataLoader[Batch]:
        """Finds the components unless a checkpoint, which is loaded by now, contains them."""
        if not self.prior.basis.any():
            self.find_components()
        self.samples = self.projected()
        return DataLoader(_Samples(self), batch_size=None, num_workers=0)


class _Samples(IterableDataset[Batch]):
    def __init__(self, training: PriorTraining) -> None:
        self.training = training

    def __iter__(self) -> Iterator[Batch]:
        training, data = self.training, self.training.data
        seed = training.global_step + 21 + 1_000_003 * training.global_rank
        generator = torch.Generator().manual_seed(seed)
        caption_count = data.captions.shape[1]
        while True:
            rows = torch.multinomial(data.weights, BATCH, True, generator=generator)
            caption = data.captions[
                rows, torch.randint(caption_count, (BATCH,), generator=generator)
            ]
            conditions = data.text_embeddings[caption].float()
            noise = torch.randn(conditions.shape, generator=generator)
            length = CONDITION_NOISE * torch.rand(BATCH, 1, generator=generator)
            conditions = F.normalize(conditions + length * F.normalize(noise, dim=1), dim=1)
            conditions *= torch.rand(BATCH, 1, generator=generator) >= UNCONDITIONAL
            yield training.samples[rows].float(), conditions, data.styles[rows]


def principal_components(latents: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Latents (n, ...), normalised → their mean (d,), directions (count, d) and scales (count,).

    A direction's scale is the square root of its standard deviation, times a constant that gives
    samples a mean variance of 1: this is between whitening, which would make details as important
    as the composition, and no scaling, which would drown details in noise.
    """
    flat = latents.flatten(1)
    mean = flat.float().mean(0)
    covariance = torch.zeros(flat.shape[1], flat.shape[1])
    for batch in flat.split(4096):
        centred = batch.float() - mean
        covariance += centred.t() @ centred
    variance, directions = torch.linalg.eigh(covariance / len(flat))
    share = variance[-count:].sum() / variance.sum()
    log.info("%d components hold %.1f %% of the variance", count, 100 * share)
    variance, directions = variance.flip(0)[:count], directions.flip(1)[:, :count]
    scales = variance.clamp_min(1e-6) ** 0.25
    scales *= (variance / scales.square()).mean().sqrt()
    return mean, directions.t().contiguous(), scales
