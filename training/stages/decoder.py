"""Fine-tunes the VQGAN's decoder on latents like those of the renderer.

These are never exact: the prior predicts them, and optimisation under CLIP adds noise, which would
show as blotches. So the decoder learns to decode them to the clean scene. The encoder and the
codebook stay fixed, and with them the prior's space.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from engine.models.efficientnet_lite import EfficientNetLite2
from engine.models.prior import LatentPrior
from engine.models.vqgan import VQGAN
from training.data.scenes import Scene, SceneMaker
from training.losses import PerceptualLoss, edge_loss
from training.stages.prior import PriorData
from training.vqgan_training import MSE_WEIGHT

LEARNING_RATE = 4e-4
BATCH = 8
PREDICTED = 0.6
"""The share of latents that the prior predicts out of noise."""
EARLIEST = 0.4
"""The earliest time, 0 (noise) to 1, from which it predicts them: from earlier ones it would
predict another image."""
NOISE = 0.4
"""The largest standard deviation of the noise on latents, in that of latents; 100 steps at a
learning rate of 0.05 move them by 0.3 out of what the prior makes."""
PERCEPTUAL_WEIGHT = 0.3

Batch = tuple[Tensor, Tensor]


class DecoderTraining(pl.LightningModule):
    """`vqgan` is trained from its own weights; `scenes` are those of `data`, in its order."""

    progress = 0.0

    def __init__(
        self,
        vqgan: VQGAN,
        prior: LatentPrior,
        network: EfficientNetLite2,
        data: PriorData,
        scenes: Sequence[Scene],
        maker: SceneMaker,
    ) -> None:
        super().__init__()
        self.vqgan = vqgan
        vqgan.requires_grad_(False)
        for part in (vqgan.post_quant_conv, vqgan.decoder):
            part.requires_grad_(True)
        # In a list they are neither trained nor saved.
        self._frozen = [prior.eval().requires_grad_(False)]
        self._perceptual = [PerceptualLoss(network)]
        self.data, self.scenes, self.maker = data, scenes, maker
        self._decode: Callable[[Tensor], Tensor] = vqgan.decode

    def configure_optimizers(self) -> torch.optim.Optimizer:
        trained = [weight for weight in self.vqgan.parameters() if weight.requires_grad]
        return torch.optim.AdamW(trained, LEARNING_RATE, (0.9, 0.98), weight_decay=1e-4)

    def on_train_start(self) -> None:
        torch.manual_seed(self.global_step)
        self.vqgan.to(memory_format=torch.channels_last)
        self._decode = torch.compile(self.vqgan.decode)
        for module in (*self._frozen, *self._perceptual):
            module.to(self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        rows, images = batch
        images = images.contiguous(memory_format=torch.channels_last)
        decoded = self._decode(self.rendered_latents(rows)).float()
        mse = F.mse_loss(decoded, images)
        perceptual: Tensor = self._perceptual[0](decoded, images)
        self.log_dict({"psnr": -10 * mse.log10(), "perceptual": perceptual}, prog_bar=True)
        pixels: Tensor = F.l1_loss(decoded, images) + MSE_WEIGHT * mse + edge_loss(decoded, images)
        return pixels + PERCEPTUAL_WEIGHT * perceptual

    @torch.no_grad()
    def rendered_latents(self, rows: Tensor) -> Tensor:
        """The latents (n, channels, side, side) of scenes, corrupted as in the renderer."""
        data, (prior,), rows = self.data, self._frozen, rows.cpu()
        with torch.autocast(self.device.type, enabled=False):
            latents = data.latents[rows].to(self.device).float() * prior.std
            latents += data.mean.to(self.device)
            chosen = torch.rand(len(rows), 1, 1, 1, device=self.device)
            latents = torch.where(chosen < PREDICTED, self._predicted(latents, rows), latents)
            noise = torch.randn_like(latents) * prior.std * NOISE
            return self.vqgan.quantise(latents + torch.rand_like(chosen) * noise)

    def _predicted(self, latents: Tensor, rows: Tensor) -> Tensor:
        """The prior's prediction from noisy latents and one of the scene's captions."""
        data, (prior,) = self.data, self._frozen
        sample = prior.project(latents)
        times = EARLIEST + (1 - EARLIEST) * torch.rand(len(rows), device=self.device)
        noisy = torch.randn_like(sample).lerp(sample, times[:, None, None, None])
        which = torch.randint(data.captions.shape[1], (len(rows),))
        texts = data.text_embeddings[data.captions[rows, which]].float().to(self.device)
        styles = data.styles[rows].to(self.device)
        predicted: Tensor = prior(noisy, times, texts, styles)
        return prior.reconstruct(prior.clamp(predicted))

    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(_Scenes(self), batch_size=None, num_workers=0)


class _Scenes(IterableDataset[Batch]):
    def __init__(self, training: DecoderTraining) -> None:
        self.training = training

    def __iter__(self) -> Iterator[Batch]:
        training = self.training
        generator = torch.Generator().manual_seed(training.global_step + 5)
        while True:
            rows = torch.multinomial(training.data.weights, BATCH, True, generator=generator)
            drawn = [training.maker.draw(training.scenes[row]) for row in rows.tolist()]
            yield rows, torch.from_numpy(np.stack(drawn)).movedim(-1, 1).float() / 255
