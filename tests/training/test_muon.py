"""Muon together with AdamW: each batch is one step."""

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from training.muon import MuonTraining
from training.schedule import Timed


class Tiny(MuonTraining):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(4, 4)
        self.rates: list[float] = []

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return self.optimisers(self.network, self.parameters(), 1.0)

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
        self.descend(self.network(batch).square().sum())


def test_a_batch_is_one_step_of_the_warm_up() -> None:
    tiny, timed = Tiny(), Timed(minutes=10, learning_rate=1.0)
    before = [parameter.detach().clone() for parameter in tiny.parameters()]
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        callbacks=[timed],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(tiny, DataLoader(torch.ones(5, 4), batch_size=1))
    assert trainer.global_step == 5
    assert tiny.rates == [(number + 1) / timed.WARM_UP_STEPS for number in range(5)]
    assert all(
        not torch.equal(old, new) for old, new in zip(before, tiny.parameters(), strict=True)
    )
