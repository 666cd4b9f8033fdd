"""The benchmark of the upscaler: sharp images score higher than blurred ones."""

import torch
from torch.nn import functional as F

from bench.quality.upscaling import sharpness


def squares() -> torch.Tensor:
    images = torch.ones(2, 3, 90, 90)
    images[:, :, 30:60, 30:60] = 0
    return images


def test_sharpness_is_one_for_the_real_images_and_falls_with_blur() -> None:
    real = squares()
    blurred = [F.avg_pool2d(real, width, 1, width // 2) for width in (1, 3, 9)]
    found = [sharpness(images, real) for images in blurred]
    assert found[0] == 1
    assert found[0] > found[1] > found[2]
