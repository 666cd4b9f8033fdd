"""Trains the small VQGAN.

VQGAN's adversarial loss invents texture. Drawn scenes have flat colours and clean edges, so here
plain reconstruction with an extra weight on edges gives a better decoder.
"""

from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from engine.models.vqgan import VQGAN
from training.data import drawn_batches as batches
from training.losses import edge_loss

# taming's group norm has 32 groups. With two channels per group only the sign of a flat colour
# survives; with three the colour does. So there are few blocks, with 96 channels each.
CONFIG: dict[str, Any] = {
    "embed_dim": 32,
    "n_embed": 1024,
    "ddconfig": {
        "double_z": False,
        "z_channels": 32,
        "resolution": 64,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 96,
        "ch_mult": [1, 1, 1],
        "num_res_blocks": 0,
        "attn_resolutions": [],
        "dropout": 0.0,
    },
}
LEARNING_RATE = 1e-3
ROWS = 8
CONTINUOUS_STEPS = 300
REVIVAL_STEPS = 100


class PainterTraining(pl.LightningModule):
    """Trains without quantisation at first; then initialises the codebook from encodings."""

    progress = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.vqgan = VQGAN(**CONFIG)
        self.register_buffer("uses", torch.zeros(CONFIG["n_embed"]))
        self.uses: Tensor

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), LEARNING_RATE, (0.9, 0.98), weight_decay=1e-4)

    def training_step(self, pictures: Tensor, batch_idx: int) -> Tensor:
        if batch_idx % 2:
            pictures = _quarters(pictures)
        latents = self.vqgan.encode(pictures).float()
        begun = bool(self.uses.any())
        if not begun and self.global_step < CONTINUOUS_STEPS:
            painted, loss = self.vqgan.decode(latents), latents.square().mean() * 1e-3
        else:
            if not begun:
                self._revive(latents, torch.ones_like(self.uses, dtype=torch.bool))
            quantised, loss, (_, _, codes) = self.vqgan.quantize(latents)
            self._count(latents, codes)
            painted = self.vqgan.decode(quantised)
        painted = painted.float()
        mse = F.mse_loss(painted, pictures)
        if batch_idx % 50 == 0:
            self.log("psnr", -10 * mse.log10(), prog_bar=True)
            self.log("codes", (self.uses > 0.05).float().sum(), prog_bar=True)
        return F.l1_loss(painted, pictures) + 6 * mse + edge_loss(painted, pictures) + loss

    @torch.no_grad()
    def _count(self, latents: Tensor, codes: Tensor) -> None:
        counts = torch.bincount(codes.flatten(), minlength=self.uses.numel()).float()
        self.uses.mul_(0.99).add_(counts)
        if self.global_step % REVIVAL_STEPS == 0 and self.progress < 0.7:
            self._revive(latents, self.uses < 0.05)

    @torch.no_grad()
    def _revive(self, latents: Tensor, dead: Tensor) -> None:
        """Restarts unused codes at current encodings."""
        flat = latents.detach().movedim(1, -1).flatten(0, -2)
        chosen = flat[torch.randint(len(flat), (int(dead.sum()),), device=flat.device)]
        self.vqgan.codebook[dead] = chosen + 0.01 * torch.randn_like(chosen)
        self.uses[dead] = 1.0

    def train_dataloader(self) -> DataLoader[object]:
        workers = 8 if self.device.type == "cuda" else 0
        make = partial(batches.pictures, rows=ROWS)
        return batches.loader(make, seed=self.global_step, workers=workers)


def _quarters(pictures: Tensor) -> Tensor:
    """The four quarters of each image as images: other sizes are rendered, too."""
    half = pictures.shape[-1] // 2
    tiles = pictures.unfold(2, half, half).unfold(3, half, half)
    return tiles.permute(0, 2, 3, 1, 4, 5).flatten(0, 2).contiguous()
