"""Trains a VQGAN without a discriminator.

A discriminator makes the decoder invent lost texture. Drawn images have flat colours and clean
edges, so plain reconstruction, with more weight on edges, gives a better decoder.
"""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.vqgan import VQGAN
from training.losses import edge_loss

LEARNING_RATE = 1e-3
CONTINUOUS_STEPS = 300
"""Steps without quantisation; after them, the codebook is initialised with encodings."""
RESTART_STEPS = 100
"""Steps between two restarts of unused codes."""
RESTARTS_UNTIL = 0.7
"""The share of the training after which no codes are restarted."""
UNUSED = 0.05
"""A code is unused if its decayed count of uses is below this."""
MSE_WEIGHT = 6.0


class ReconstructionTraining(pl.LightningModule):
    """A VQGAN that reconstructs images (batch, 3, height, width) from 0 to 1."""

    progress = 0.0

    def __init__(self, config: dict[str, Any], use_decay: float) -> None:
        super().__init__()
        self.vqgan = VQGAN(**config)
        self.use_decay = use_decay
        self.register_buffer("uses", torch.zeros(config["n_embed"]))
        self.uses: Tensor
        self._encode: Callable[[Tensor], Tensor] = self.vqgan.encode
        self._decode: Callable[[Tensor], Tensor] = self.vqgan.decode

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), LEARNING_RATE, (0.9, 0.98), weight_decay=1e-4)

    def training_step(self, images: Tensor, batch_idx: int) -> Tensor:
        latents = self._encode(images).float()
        started = bool(self.uses.any())
        if not started and self.global_step < CONTINUOUS_STEPS:
            decoded, loss = self._decode(latents), latents.square().mean() * 1e-3
        else:
            if not started:
                self.restart_codes(latents, torch.ones_like(self.uses, dtype=torch.bool))
            quantised, loss, (_, _, codes) = self.vqgan.quantize(latents)
            self._count(latents, codes)
            decoded = self._decode(quantised)
        decoded = decoded.float()
        mse = F.mse_loss(decoded, images)
        if batch_idx % 50 == 0:
            self.log("psnr", -10 * mse.log10(), prog_bar=True)
            self.log("codes", (self.uses > UNUSED).float().sum(), prog_bar=True)
        pixels: Tensor = F.l1_loss(decoded, images) + MSE_WEIGHT * mse
        return pixels + edge_loss(decoded, images) + loss

    @torch.no_grad()
    def _count(self, latents: Tensor, codes: Tensor) -> None:
        counts = torch.bincount(codes.flatten(), minlength=self.uses.numel()).float()
        self.uses.mul_(self.use_decay).add_(counts)
        if self.global_step % RESTART_STEPS == 0 and self.progress < RESTARTS_UNTIL:
            self.restart_codes(latents, self.uses < UNUSED)

    @torch.no_grad()
    def restart_codes(self, latents: Tensor, unused: Tensor) -> None:
        """Sets the codes marked in `unused` (codes,) to current encodings (batch, dim, h, w)."""
        flat = latents.detach().movedim(1, -1).flatten(0, -2)
        chosen = flat[torch.randint(len(flat), (int(unused.sum()),), device=flat.device)]
        self.vqgan.codebook[unused] = chosen + 0.01 * torch.randn_like(chosen)
        self.uses[unused] = 1.0
