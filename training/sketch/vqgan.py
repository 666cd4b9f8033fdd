"""Trains the VQGAN of `sketch`: 64 × 64 drawings to 16 × 16 latents and back."""

from functools import partial
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader

from training.data import drawn_batches as batches
from training.vqgan_training import ReconstructionTraining

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
ROWS = 8


class VQGANTraining(ReconstructionTraining):
    """Trains on whole drawings and their quarters in turn, because renders differ in size."""

    def __init__(self) -> None:
        super().__init__(CONFIG, use_decay=0.99)

    def training_step(self, images: Tensor, batch_idx: int) -> Tensor:
        return super().training_step(_quarters(images) if batch_idx % 2 else images, batch_idx)

    def train_dataloader(self) -> DataLoader[object]:
        workers = 8 if self.device.type == "cuda" else 0
        make = partial(batches.images, rows=ROWS)
        return batches.loader(make, seed=self.global_step, workers=workers)


def _quarters(images: Tensor) -> Tensor:
    """The four quarters of each image as images."""
    half = images.shape[-1] // 2
    tiles = images.unfold(2, half, half).unfold(3, half, half)
    return tiles.permute(0, 2, 3, 1, 4, 5).flatten(0, 2).contiguous()
