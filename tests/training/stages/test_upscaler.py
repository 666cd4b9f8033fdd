"""The upscaler learns sharp images from blurred ones of a third of the size."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.models.upscaler import FACTOR
from training.data.images import LARGE_SIDE, Images
from training.data.scenes import SceneMaker
from training.data.sources import sources
from training.stages import upscaler
from training.stages.upscaler import CROP, UpscalerTraining, contrast, degraded, make_crops


def crops(count: int = 2) -> torch.Tensor:
    """Black squares on white."""
    found = torch.full((count, 3, CROP, CROP), 255, dtype=torch.uint8)
    found[:, :, 60:130, 60:130] = 0
    return found


def test_an_untrained_upscaler_interpolates() -> None:
    training = UpscalerTraining(crops())
    small = torch.rand(2, 3, 20, 30)
    smooth = F.interpolate(small, scale_factor=FACTOR, mode="bicubic")
    assert torch.allclose(training.upscaler(small), smooth)


def test_an_output_pixel_depends_on_nothing_beyond_the_margin() -> None:
    torch.manual_seed(0)
    network = UpscalerTraining(crops()).upscaler
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    side = 2 * network.margin + 7
    small = torch.rand(1, 3, side, side, requires_grad=True)
    middle = FACTOR * (side // 2) + 1
    (gradient,) = torch.autograd.grad(network(small)[..., middle, middle].sum(), small)
    reached = (gradient != 0).any(1)[0].nonzero()
    assert reached.min() >= 3
    assert reached.max() < side - 3


def test_the_loss_is_zero_for_the_large_images_and_grows_with_blur(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = crops().float() / 255
    training = UpscalerTraining(crops())
    losses = []
    for width in (1, 3, 7):
        blurred = F.avg_pool2d(large, width, 1, width // 2)
        monkeypatch.setattr(training.upscaler, "forward", lambda small, found=blurred: found)
        losses.append(float(training.training_step((large, large), 0)))
    assert losses[0] == 0
    assert losses[0] < losses[1] < losses[2]


def test_small_images_are_blurred_noisy_and_in_place() -> None:
    large = crops().float() / 255
    small = degraded(large, torch.Generator().manual_seed(0))
    assert small.shape == (2, 3, CROP // FACTOR, CROP // FACTOR)
    assert not torch.equal(small[0], small[1]), "each has its own blur and noise"
    reduced = F.avg_pool2d(large, FACTOR)
    assert (small - reduced).mean().abs() < 0.01
    assert (small - reduced)[:, :, :10].abs().max() < 0.15, "only noise, far from an edge"
    assert small.std() < reduced.std()


def test_only_pixels_near_edges_have_contrast() -> None:
    found = contrast(crops().float() / 255)
    assert found[0, 0, 95, 60] == 1
    assert found[0, 0, 95, 95] == 0
    assert found[0, 0, 10, 10] == 0


def test_crops_are_parts_of_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upscaler, "SCENES", 1)
    images = Images(
        pixels=np.zeros((1, LARGE_SIDE, LARGE_SIDE, 4), np.uint8),
        concept=np.array([-1]),
        maker=np.array([0]),
        titles=["nothing"],
        makers=[each.name for each in sources().images],
        concepts=[],
    )
    maker = SceneMaker(images)
    maker.scene = maker.drawn  # type: ignore[method-assign] # there are no named things
    found = make_crops(maker, seed=0)
    assert found.shape == (upscaler.CROPS, 3, CROP, CROP)
    assert torch.equal(found, make_crops(maker, seed=0))
