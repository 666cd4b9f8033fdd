"""The prior's training: its conditions, its loss, and its export to the engine."""

import shutil
from pathlib import Path
from random import Random

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models import catalogue
from engine.models.checkpoints import read_prior
from training.data.drawn_captions import caption
from training.data.drawn_scenes import random_scene
from training.sketch.export import export, restore
from training.sketch.perceptor import PerceptorTraining
from training.sketch.prior import IMAGE_CONDITIONED, UNCONDITIONAL, PriorTraining


@pytest.fixture(scope="module")
def training() -> PriorTraining:
    torch.manual_seed(0)
    return PriorTraining(PerceptorTraining())


@pytest.mark.slow
def test_some_conditions_are_image_embeddings_and_some_are_empty(training: PriorTraining) -> None:
    random = Random(3)
    images = torch.rand(12, 3, 64, 64)
    captions = [caption(random_scene(random), random) for _ in range(12)]
    conditions = training.conditions(images, captions)
    lengths = torch.ones(12)
    lengths[IMAGE_CONDITIONED : IMAGE_CONDITIONED + UNCONDITIONAL] = 0
    assert torch.allclose(conditions.norm(dim=1), lengths, atol=1e-4)
    by_image = F.normalize(training.perceptor.embed(images[:IMAGE_CONDITIONED]), dim=-1)
    assert torch.allclose(conditions[:IMAGE_CONDITIONED], by_image, atol=1e-4)


class Oracle(nn.Module):
    """A prior that predicts the end of the flow, off by `error`."""

    def __init__(self, images: Tensor, error: float) -> None:
        super().__init__()
        self.end = F.avg_pool2d(images, 2) * 2 - 1 + error

    def forward(self, noisy: Tensor, times: Tensor, conditions: Tensor) -> Tensor:
        return self.end


@pytest.mark.slow
def test_the_loss_is_the_squared_error_and_zero_for_an_exact_prediction(
    training: PriorTraining,
) -> None:
    images = torch.rand(6, 3, 64, 64)
    losses = {}
    for error in (0.0, 0.1, 0.2):
        module = PriorTraining(training.perceptor)
        module.prior = Oracle(images, error)  # type: ignore[assignment]
        torch.manual_seed(1)
        losses[error] = module.loss(images, torch.zeros(6, 256)).item()
    assert losses[0.0] == 0
    assert losses[0.2] == pytest.approx(4 * losses[0.1], rel=1e-3)


@pytest.mark.slow
def test_an_export_is_read_by_the_engine_and_can_be_trained_further(
    training: PriorTraining, tmp_path: Path
) -> None:
    entry, folder = catalogue.find("sketch"), tmp_path / "sketch"
    shutil.copytree(entry.folder(tmp_path), folder)
    (tmp_path / "runs" / "prior").mkdir(parents=True)
    state = {"state_dict": training.state_dict()}
    torch.save(state, tmp_path / "runs" / "prior" / "last.ckpt")
    export(tmp_path / "runs", folder)
    restored = PriorTraining(training.perceptor)
    restore(restored, folder)
    read = read_prior(folder / "prior.safetensors", entry.fix_command)
    noise, times, conditions = torch.randn(2, 3, 32, 32), torch.rand(2), torch.randn(2, 256)
    with torch.no_grad():
        expected = training.prior(noise, times, conditions)
        for prior in (read, restored.prior):
            assert torch.allclose(prior(noise, times, conditions), expected, atol=0.02)
