"""The training command: which weights a stage starts from."""

from collections.abc import Callable
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

import training.__main__ as command
from training.pipeline import Stage
from training.workspace import Workspace

Train = Callable[..., float]
"""Trains with these options; returns the weight in the checkpoint."""


class Tiny(pl.LightningModule):
    """Never learns, so its final weight is the one it started from."""

    progress = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.0)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self.weight.sum()

    def train_dataloader(self) -> DataLoader[Tensor]:
        return DataLoader(torch.zeros(1))  # type: ignore[arg-type]


def final_weight(runs: Path) -> float:
    saved = torch.load(runs / "tiny" / "last.ckpt", weights_only=True)
    return float(saved["state_dict"]["weight"])


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    def shipped(module: Tiny, stage: str) -> None:
        module.weight.data.fill_(5.0)

    def tiny(workspace: Workspace) -> Tiny:
        return Tiny()

    monkeypatch.setattr(command, "STAGES", [Stage("tiny", 1.0, 0.0, tiny)])
    monkeypatch.setattr(command, "load_shipped", shipped)

    def run(*options: str) -> float:
        runs = ["--runs", str(tmp_path), "--minutes", "0.001"]
        monkeypatch.setattr("sys.argv", ["training", *runs, "--stages", "tiny", *options])
        command.main()
        return final_weight(tmp_path)

    return run


def test_the_options_decide_which_weights_a_stage_starts_from(train: Train) -> None:
    assert train() == 0.0
    assert train("--further") == 5.0
    assert train("--resume") == 5.0
    assert train() == 0.0
    assert train("--resume", "--further") == 0.0
