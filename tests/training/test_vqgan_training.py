"""A VQGAN's reconstruction training: the codebook joins late, unused codes are restarted."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from training.sketch.vqgan import CONFIG
from training.vqgan_training import CONTINUOUS_STEPS, ReconstructionTraining


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> ReconstructionTraining:
    torch.manual_seed(0)
    training = ReconstructionTraining(CONFIG, use_decay=0.99)
    monkeypatch.setattr(training, "log", lambda *values, **options: None)
    return training


def images() -> Tensor:
    """Two smooth images."""
    return F.interpolate(torch.rand(2, 3, 2, 2), (32, 32), mode="bilinear")


def set_step(training: ReconstructionTraining, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReconstructionTraining, "global_step", step)


def test_the_codebook_starts_from_encodings_after_the_continuous_steps(
    training: ReconstructionTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched = training.vqgan.codebook.clone()
    set_step(training, CONTINUOUS_STEPS - 1, monkeypatch)
    training.training_step(images(), 0).backward()
    assert torch.equal(training.vqgan.codebook, untouched)
    assert not training.uses.any()
    set_step(training, CONTINUOUS_STEPS + 1, monkeypatch)
    batch = images()
    training.training_step(batch, 1)
    assert training.uses.all()
    encodings = training.vqgan.encode(batch).movedim(1, -1).flatten(0, -2)
    assert torch.cdist(training.vqgan.codebook, encodings).amin(1).max() < 0.2
    assert torch.cdist(untouched, encodings).amin(1).max() > 0.2


def test_only_unused_codes_are_restarted(training: ReconstructionTraining) -> None:
    before = training.vqgan.codebook.clone()
    unused = torch.zeros_like(training.uses, dtype=torch.bool)
    unused[3:8] = True
    latents = torch.full((1, CONFIG["embed_dim"], 4, 4), 7.0)
    training.restart_codes(latents, unused)
    assert torch.equal(training.vqgan.codebook[~unused], before[~unused])
    assert torch.allclose(training.vqgan.codebook[unused], torch.tensor(7.0), atol=0.1)
    assert training.uses[unused].eq(1).all()
    assert not training.uses[~unused].any()


@pytest.mark.slow
def test_the_reconstruction_loss_falls(training: ReconstructionTraining) -> None:
    batch = images()
    optimizer = training.configure_optimizers()
    losses = []
    for step in range(20):
        loss = training.training_step(batch, step + 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
