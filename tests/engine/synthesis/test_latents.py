"""Images to latents and back, and the gradient of clamped pixels."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F

from core.pattern import Tile
from engine.models.model import Model
from engine.synthesis import latents
from tests.engine.conftest import THINGS


def test_an_initial_image_is_cropped_to_the_shape(model: Model) -> None:
    tall = Image.new("RGB", (40, 90), "red")
    with torch.no_grad():
        start = latents.encode(model.vqgan, tall, 48, 32)
        same = latents.encode(model.vqgan, Image.new("RGB", (48, 32), "red"), 48, 32)
    assert start.shape == (1, model.vqgan.codebook.shape[1], 8, 12)
    assert torch.allclose(start, same, atol=1e-4)


def test_rendered_images_are_clamped_but_their_gradient_leads_back() -> None:
    values = torch.tensor([-0.5, 0.5, 1.5, 1.5], requires_grad=True)
    clamped = latents.ClampWithGrad.apply(values)
    assert clamped.tolist() == [0.0, 0.5, 1.0, 1.0]
    # Descending this loss raises the first two values and lowers the third, but raises the last.
    (clamped * torch.tensor([-1.0, -1.0, 1.0, -1.0])).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [-1.0, -1.0, 1.0, 0.0]


def test_quantised_images_are_made_of_codes_alone(model: Model) -> None:
    with torch.no_grad():
        start = model.vqgan.encode(torch.rand(6, 3, 32, 48, generator=Generator().manual_seed(3)))
        quantised = model.vqgan.quantise(start)
        assert torch.allclose(model.vqgan.quantise(quantised), quantised, atol=1e-6)
    codes = quantised.movedim(1, -1).flatten(0, -2)
    distance = torch.cdist(codes, model.vqgan.codebook).min(1).values
    assert distance.max() < 1e-3


def test_images_round_trip() -> None:
    image = Image.effect_noise((12, 8), 80).convert("RGB")
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    tensor = pixels.view(8, 12, 3).movedim(-1, 0)[None].float() / 255
    assert latents.to_images(tensor, 12, 8)[0].tobytes() == image.tobytes()


def test_a_small_image_is_shown_at_the_requested_size() -> None:
    (image,) = latents.to_images(torch.full((1, 3, 8, 12), 0.2), 24, 16)
    assert image.size == (24, 16)
    assert image.getpixel((12, 8)) == (51, 51, 51)


def psnr(images: Tensor, original: Tensor) -> float:
    """The PSNR in dB of images that are resized to the original's size."""
    small = F.interpolate(images, original.shape[2:], mode="area")
    return float(-10 * (small - original).square().mean().log10())


@pytest.mark.slow
@torch.no_grad()
def test_an_image_stays_the_same_when_it_is_enlarged(picturebook: Model) -> None:
    with Image.open(THINGS) as sheet:
        start = latents.encode(picturebook.vqgan, sheet.crop((0, 0, 128, 128)), 128, 128)
    enlarged = latents.resize_image(picturebook.vqgan, start, (32, 32), quantize=True)
    interpolated = latents.resize(start, (32, 32))
    original, large, blocky = (
        latents.decode(picturebook.vqgan, each, quantize=True)
        for each in (start, enlarged, interpolated)
    )
    assert psnr(large, original) > 28
    assert psnr(large, original) > psnr(blocky, original) + 5


@given(st.sampled_from(Tile), st.integers(0, 5), st.integers(0, 3), st.sampled_from([2, 3]))
def test_tiles_are_resized_as_if_they_repeated(
    tile: Tile, across: int, down: int, factor: int
) -> None:
    small = torch.rand(1, 2, 4, 6, generator=Generator().manual_seed(1))
    across, down = across * tile.across, down * tile.down
    size = (4 * factor, 6 * factor)
    rolled = latents.resize(small.roll((down, across), (2, 3)), size, tile)
    large = latents.resize(small, size, tile).roll((factor * down, factor * across), (2, 3))
    torch.testing.assert_close(rolled, large)


@pytest.mark.parametrize("tile", Tile)
def test_joined_edges_are_alike(tile: Tile) -> None:
    joined = latents.join_edges(torch.rand(2, 3, 8, 12), tile)
    assert torch.allclose(joined[..., 0], joined[..., -1], atol=1e-6) is tile.across
    assert torch.allclose(joined[..., 0, :], joined[..., -1, :], atol=1e-6) is tile.down
