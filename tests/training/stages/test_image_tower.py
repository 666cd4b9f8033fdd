"""The image tower's head learns to name images; folding in norms changes no output."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine.models.efficientnet_lite import FEATURES, EfficientNetLite2
from training.stages.alignment import WIDTH
from training.stages.image_tower import ImageTowerTraining, Views, fold


def test_a_convolution_with_its_norm_folded_in_computes_the_same() -> None:
    convolution, norm = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
    norm.weight.data.uniform_(0.5, 2)
    norm.bias.data.normal_()
    for _ in range(3):
        norm(convolution(torch.randn(8, 3, 16, 16) + 1))
    folded = nn.Conv2d(3, 8, 3)
    fold(folded, convolution, norm)
    images = torch.randn(2, 3, 16, 16)
    assert torch.allclose(folded(images), norm.eval()(convolution(images)), atol=1e-5)


@pytest.mark.slow
def test_the_head_learns_which_name_each_view_shows() -> None:
    torch.manual_seed(0)
    names = F.normalize(torch.randn(4, WIDTH), dim=1)
    shown = torch.arange(4).repeat(32)
    features = torch.randn(4, FEATURES)[shown] + 0.5 * torch.randn(128, FEATURES)
    views = Views(features.half(), torch.arange(128))
    captions = shown[:, None]
    training = ImageTowerTraining(EfficientNetLite2(), views, names, captions, names, shown)
    training.log = lambda *_: None  # type: ignore[assignment, misc]  # there is no trainer
    optimizer = training.configure_optimizers()
    generator = torch.Generator().manual_seed(0)
    for step in range(20):
        loss = training.training_step(training.batch(generator), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    training.eval()
    unseen = torch.randn(4, FEATURES) * 0.5 + features.view(32, 4, FEATURES).mean(0)
    named = (training.head(unseen) @ names.t()).argmax(1)
    assert named.tolist() == [0, 1, 2, 3]
    assert all(not weight.requires_grad for weight in training.network.parameters())
