"""Cutouts: where they lie, and that a batch gives the same ones as single images."""

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator

from engine.synthesis.config import SKETCH
from engine.synthesis.cutouts import make_cutouts, sample_augmentation

CONFIG = replace(
    SKETCH.cutouts, count=6, noise=0.0, color_jitter=0.0, brightness_jitter=0.0, flip_p=0.0
)
STRAIGHT = replace(CONFIG, affine_std=0.0)
WHOLE = replace(STRAIGHT, min_scale=1.0, max_scale=1.0)


def test_the_largest_cutout_is_the_image() -> None:
    image = torch.rand(1, 3, 16, 16)
    augmentation = sample_augmentation(WHOLE, 16, 16, 16, Generator().manual_seed(0))
    cutouts = make_cutouts(image, [augmentation], 16)
    assert cutouts.shape == (6, 3, 16, 16)
    assert torch.allclose(cutouts, image.expand_as(cutouts), atol=1e-5)


def test_a_mirrored_cutout_is_the_mirrored_image() -> None:
    image = torch.rand(1, 3, 16, 16)
    mirrored = replace(WHOLE, flip_p=1.0)
    augmentation = sample_augmentation(mirrored, 16, 16, 16, Generator().manual_seed(0))
    cutouts = make_cutouts(image, [augmentation], 16)
    assert torch.allclose(cutouts[0], image[0].flip(-1), atol=1e-5)


@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(16, 96),
    height=st.integers(16, 96),
    min_scale=st.floats(0.1, 0.9),
)
def test_cutouts_are_square_and_inside_the_image(
    seed: int, width: int, height: int, min_scale: float
) -> None:
    config = replace(STRAIGHT, min_scale=min_scale, max_scale=1.0)
    augmentation = sample_augmentation(config, width, height, 8, Generator().manual_seed(seed))
    across, down = augmentation.affine[:, 0, 0] * width, augmentation.affine[:, 1, 1] * height
    assert torch.allclose(across, down, rtol=1e-4)
    assert (down / min(width, height) >= min_scale - 1e-4).all()
    corner = augmentation.affine[:, :, 2].abs() + torch.stack([across / width, down / height], 1)
    assert (corner <= 1 + 1e-4).all()


def test_a_batch_gives_the_same_cutouts_as_single_images() -> None:
    config = SKETCH.cutouts
    images = torch.rand(3, 3, 20, 28)
    augmentations = [
        sample_augmentation(config, 28, 20, 12, Generator().manual_seed(s)) for s in range(3)
    ]
    together = make_cutouts(images, augmentations, 12)
    alone = [make_cutouts(images[i : i + 1], augmentations[i : i + 1], 12) for i in range(3)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)


def test_noise_and_colour_jitter_are_as_strong_as_configured() -> None:
    config = replace(SKETCH.cutouts, count=64, noise=0.2, color_jitter=0.1)
    augmentation = sample_augmentation(config, 32, 32, 16, Generator().manual_seed(3))
    deviations = augmentation.noise.flatten(1).std(1)
    assert deviations.max() <= 0.22
    assert 0.07 < deviations.mean() < 0.13
    assert 0.06 < augmentation.contrast.std() < 0.14


def test_the_gradient_reaches_the_pixels_of_the_cutouts() -> None:
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    augmentation = sample_augmentation(CONFIG, 16, 16, 16, Generator().manual_seed(1))
    make_cutouts(image, [augmentation], 16).sum().backward()
    assert image.grad is not None
    assert (image.grad != 0).float().mean() > 0.9
