"""Training for a given time instead of a number of steps, with checkpoints to resume from."""

import math
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger

from training.memory import keep_freed_memory


class Timed(pl.Callback):
    """Stops the training after `minutes`, and sets the learning rate by the share of time passed.

    The rate rises in a short warm-up, is constant, and then falls along a cosine to a hundredth.
    Losses can use the share, too: it is the module's `progress`, from `initial_progress` to 1. Time
    before an interruption counts.
    """

    WARM_UP_STEPS = 60

    def __init__(self, minutes: float, learning_rate: float, initial_progress: float = 0.0) -> None:
        self.seconds, self.learning_rate = minutes * 60, learning_rate
        self.elapsed = initial_progress * self.seconds
        self._last = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._last = time.monotonic()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        now = time.monotonic()
        self.elapsed, self._last = self.elapsed + now - self._last, now
        # Processes that train together must stop at the same step.
        self.elapsed = trainer.strategy.broadcast(self.elapsed)
        progress = min(1.0, self.elapsed / self.seconds)
        pl_module.progress = progress  # type: ignore[assignment]
        warm = min(1.0, (trainer.global_step + 1) / self.WARM_UP_STEPS)
        cool = 0.5 + 0.5 * math.cos(math.pi * max(0.0, progress - 0.3) / 0.7)
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate * warm * max(0.01, cool)
        if progress >= 1.0:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {"elapsed": self.elapsed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.elapsed = state_dict["elapsed"]


SAVE_STEPS = 100


def trainer(
    timed: Timed, run: Path, device: str, clip: float | None = 1.0, processes: int = 1
) -> pl.Trainer:
    """A trainer in bfloat16 where possible, with checkpoints in `run/last.ckpt`, logs in `run/log`.

    Clips gradients to norm `clip`; None for a module that does so itself. On a CPU, `processes`
    train in parallel with their own batches and average their gradients.
    """
    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if not cuda:
        keep_freed_memory()
    checkpoints = ModelCheckpoint(
        run,
        save_last=True,
        save_top_k=0,
        every_n_train_steps=SAVE_STEPS,
        enable_version_counter=False,
    )
    return pl.Trainer(
        accelerator="cuda" if cuda else "cpu",
        devices=1 if cuda else processes,
        strategy="ddp_fork" if processes > 1 and not cuda else "auto",
        precision="bf16-mixed",
        max_steps=-1,
        gradient_clip_val=clip,
        default_root_dir=run,
        callbacks=[timed, checkpoints],
        logger=CSVLogger(run, name="log"),
        log_every_n_steps=50,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
