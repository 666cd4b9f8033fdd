"""Losses that several training stages share."""

import torch
from torch.nn import functional as F

from engine.models.efficientnet_lite import EfficientNetLite2
from training.losses import PerceptualLoss


def test_the_perceptual_loss_grows_with_the_difference() -> None:
    torch.manual_seed(0)
    loss = PerceptualLoss(EfficientNetLite2())
    images = torch.rand(2, 3, 64, 64)
    slightly, strongly = (F.interpolate(F.avg_pool2d(images, size), (64, 64)) for size in (2, 8))
    assert loss(images, images) == 0
    assert 0 < loss(slightly, images) < loss(strongly, images)


def test_the_gradient_of_the_perceptual_loss_reaches_the_decoded_images() -> None:
    loss = PerceptualLoss(EfficientNetLite2())
    decoded = torch.rand(1, 3, 64, 64, requires_grad=True)
    loss(decoded, torch.rand(1, 3, 64, 64)).backward()
    assert decoded.grad is not None
    assert decoded.grad.abs().sum() > 0
