"""A training that lasts a given time, not a given number of steps, and can be taken up again."""

import time
from typing import Any

import pytorch_lightning as pl
import torch


class Timed(pl.Callback):
    """Ends the training after `minutes`, and sets the learning rate by the share that has passed.

    Short warm-up, flat, then a cosine down to a hundredth. The share is the module's `progress`,
    0 to 1, which losses may use too. Time spent before an interruption counts.
    """

    WARM_UP_STEPS = 60

    def __init__(self, minutes: float, learning_rate: float) -> None:
        self.seconds, self.learning_rate = minutes * 60, learning_rate
        self.elapsed = 0.0
        self._last = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._last = time.monotonic()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        now = time.monotonic()
        self.elapsed, self._last = self.elapsed + now - self._last, now
        progress = min(1.0, self.elapsed / self.seconds)
        pl_module.progress = progress  # type: ignore[assignment]
        warm = min(1.0, (trainer.global_step + 1) / self.WARM_UP_STEPS)
        cool = 0.5 + 0.5 * float(torch.cos(torch.tensor(max(0.0, progress - 0.3) / 0.7 * torch.pi)))
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate * warm * max(0.01, cool)
        if progress >= 1.0:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {"elapsed": self.elapsed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.elapsed = state_dict["elapsed"]
