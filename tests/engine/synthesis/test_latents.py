"""Latents: where they start, and gradients that pass where they lead back inside."""

import torch
from PIL import Image
from torch import Generator

from engine.models.pair import Pair
from engine.synthesis import latents


def wash(pair: Pair, seed: int) -> torch.Tensor:
    with torch.no_grad():
        return latents.wash(pair.vqgan, 48, 32, Generator().manual_seed(seed))


def test_a_wash_has_the_shape_of_the_picture_and_differs_by_seed(pair: Pair) -> None:
    channels = pair.vqgan.codebook.shape[1]
    assert wash(pair, 1).shape == (1, channels, 8, 12)
    assert torch.equal(wash(pair, 1), wash(pair, 1))
    assert not torch.equal(wash(pair, 1), wash(pair, 2))


def test_an_initial_picture_is_cropped_to_the_shape(pair: Pair) -> None:
    tall = Image.new("RGB", (40, 90), "red")
    with torch.no_grad():
        start = latents.encoded(pair.vqgan, tall, 48, 32)
        same = latents.encoded(pair.vqgan, Image.new("RGB", (48, 32), "red"), 48, 32)
    assert start.shape == (1, pair.vqgan.codebook.shape[1], 8, 12)
    assert torch.allclose(start, same, atol=1e-4)


def test_painted_pictures_are_clamped_but_their_gradient_leads_back() -> None:
    values = torch.tensor([-0.5, 0.5, 1.5, 1.5], requires_grad=True)
    clamped = latents._Clamp.apply(values)
    assert clamped.tolist() == [0.0, 0.5, 1.0, 1.0]
    # Descending this loss raises the first two values and lowers the third, but raises the last.
    (clamped * torch.tensor([-1.0, -1.0, 1.0, -1.0])).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [-1.0, -1.0, 1.0, 0.0]


def test_quantised_pictures_are_made_of_codes_alone(pair: Pair) -> None:
    start = wash(pair, 3)
    with torch.no_grad():
        quantised = pair.vqgan.quantise(start)
        assert torch.allclose(pair.vqgan.quantise(quantised), quantised, atol=1e-6)
    codes = quantised.movedim(1, -1).flatten(0, -2)
    distance = torch.cdist(codes, pair.vqgan.codebook).min(1).values
    assert distance.max() < 1e-3


def test_images_round_trip() -> None:
    image = Image.effect_noise((12, 8), 80).convert("RGB")
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    picture = pixels.view(8, 12, 3).movedim(-1, 0)[None].float() / 255
    assert latents.to_images(picture)[0].tobytes() == image.tobytes()
