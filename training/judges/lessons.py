"""Trains the CNN judge on augmented drawings of its own, with a threshold for each fact."""

from functools import partial
from pathlib import Path
from random import Random

import pytorch_lightning as pl
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.transforms.functional import gaussian_blur

from training.data.drawing import draw
from training.data.drawn_batches import loader, to_tensor
from training.data.drawn_scenes import facts, random_scene
from training.judges.cnn import FACTS, WEIGHTS, FactNetwork
from training.schedule import Timed, trainer

LEARNING_RATE = 4e-3
ROWS = 64
WARM_UP_STEPS = 30
SEED = 9000
"""Seed of the judge's scenes, which no other training and no report uses."""

LabelledBatch = tuple[Tensor, Tensor]


class JudgeTraining(pl.LightningModule):
    progress = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.network = FactNetwork()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), LEARNING_RATE, weight_decay=0.02)

    def training_step(self, batch: LabelledBatch, batch_idx: int) -> Tensor:
        images, true = batch
        logits = self.network(augmented(images))
        loss = F.binary_cross_entropy_with_logits(logits.float(), true)
        if batch_idx % 20 == 0:
            self.log("loss", loss)
        return loss

    def train_dataloader(self) -> DataLoader[object]:
        workers = 8 if self.device.type == "cuda" else 0
        return loader(
            partial(labelled_batch, rows=ROWS), seed=SEED + self.global_step, workers=workers
        )


def labelled_batch(random: Random, rows: int) -> LabelledBatch:
    """Images (batch, 3, 64, 64), and which of FACTS are true of each (batch, facts)."""
    drawn = [random_scene(random, random.choice((0.3, 1.0))) for _ in range(rows)]
    true = [[fact in facts(scene) for fact in FACTS] for scene in drawn]
    return to_tensor([draw(scene) for scene in drawn]), torch.tensor(true).float()


def augmented(images: Tensor) -> Tensor:
    """Shifts, rotates, tints, blurs; adds noise and blotches like those in rendered images."""
    rows, device = len(images), images.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(rows, *shape, device=device)

    scale, angle = uniform(0.85, 1.1), uniform(-0.15, 0.15)
    shift = uniform(-0.1, 0.1, 2)
    across = torch.stack([scale * angle.cos(), -scale * angle.sin(), shift[:, 0]], dim=1)
    down = torch.stack([scale * angle.sin(), scale * angle.cos(), shift[:, 1]], dim=1)
    grid = F.affine_grid(torch.stack([across, down], dim=1), list(images.shape), False)
    warped = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    blur = float(torch.rand(()))
    if blur < 0.5:
        warped = gaussian_blur(warped, [5, 5], [0.3 + 2 * blur])
    blotches = F.interpolate(
        torch.randn(rows, 3, 8, 8, device=device), warped.shape[-2:], mode="bicubic"
    )
    warped = warped * uniform(0.94, 1.06, 3, 1, 1) + uniform(-0.03, 0.03, 3, 1, 1)
    warped = warped + uniform(0, 0.05, 1, 1, 1) * blotches
    return (warped + uniform(0, 0.1, 1, 1, 1) * torch.randn_like(warped)).clamp(0, 1)


def train_judge(minutes: float, run: Path, device: str = "auto", weights: Path = WEIGHTS) -> None:
    """Trains a judge for `minutes`; writes it to `weights` and its log to `run`."""
    torch.manual_seed(SEED)
    training = JudgeTraining()
    timed = Timed(minutes, LEARNING_RATE)
    timed.WARM_UP_STEPS = WARM_UP_STEPS
    trainer(timed, run, device).fit(training)
    network = training.network.cpu().eval()
    network.thresholds.copy_(_thresholds(network))
    state = network.state_dict().items()
    save_file({k: v.half() if v.is_floating_point() else v for k, v in state}, weights)


@torch.no_grad()
def _thresholds(network: FactNetwork, batches: int = 24) -> Tensor:
    """The best threshold of each fact by F1, on new scenes, plain and augmented."""
    random = Random(f"{SEED} thresholds")
    logits, true = [], []
    for i in range(batches):
        images, labels = labelled_batch(random, ROWS)
        logits.append(network(augmented(images) if i % 2 else images))
        true.append(labels)
    return torch.stack(
        [
            _best_threshold(*column)
            for column in zip(torch.cat(logits).t(), torch.cat(true).t(), strict=True)
        ]
    )


def _best_threshold(logits: Tensor, true: Tensor) -> Tensor:
    """The threshold with the highest F1, halfway to the next lower logit."""
    ordered, order = logits.sort(descending=True)
    hits = true[order].cumsum(0)
    positives = torch.arange(1, len(hits) + 1)
    best = int((2 * hits / (positives + true.sum())).argmax())
    return ordered[best : best + 2].mean()
