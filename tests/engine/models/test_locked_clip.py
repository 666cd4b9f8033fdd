"""A CLIP with a locked image tower can be rebuilt from its weights alone."""

import pytest
import torch
from torch import Tensor

from engine.models.checkpoints import ClipCheckpoint
from engine.models.efficientnet_lite import SameConv2d
from engine.models.locked_clip import RESOLUTION, LockedImageTower, new_clip
from engine.models.perceptor import ClipPerceptor

VOCABULARY, EMBEDDING = 49_408, 32


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    network = new_clip(VOCABULARY, EMBEDDING, width=64, layers=2)
    network.visual = LockedImageTower(hidden=16, width=EMBEDDING)
    return network.state_dict()


@pytest.fixture(scope="module")
def perceptor(state: dict[str, Tensor]) -> ClipPerceptor:
    return ClipPerceptor(ClipCheckpoint(state, None))


def test_the_architecture_is_read_from_the_weights(
    perceptor: ClipPerceptor, state: dict[str, Tensor]
) -> None:
    assert perceptor.resolution == RESOLUTION
    rebuilt = perceptor.clip.state_dict()
    assert rebuilt.keys() == state.keys()
    assert all(torch.equal(rebuilt[name], value) for name, value in state.items())


def test_embeddings_have_unit_length_and_the_gradient_passes_through(
    perceptor: ClipPerceptor,
) -> None:
    images = torch.rand(2, 3, RESOLUTION, RESOLUTION, requires_grad=True)
    embedded = perceptor.embed_images(images)
    assert embedded.shape == (2, EMBEDDING)
    assert embedded.norm(dim=1).tolist() == pytest.approx([1, 1], abs=1e-4)
    texts = perceptor.embed_texts(["a cat", "a dog"])
    assert texts.shape == (2, EMBEDDING)
    (embedded @ texts.t()).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("side", [96, 33, 12])
def test_a_strided_convolution_is_padded_at_the_far_sides(kernel: int, side: int) -> None:
    """TensorFlow's rule: half of the padding before, the rest after."""
    convolution = SameConv2d(2, 4, kernel, 2)
    image = torch.rand(1, 2, side, side)
    output = convolution(image)
    assert output.shape[-1] == -(-side // 2)
    padding = (output.shape[-1] - 1) * 2 + kernel - side
    before = padding // 2
    corner = torch.zeros(1, 2, kernel, kernel)
    corner[..., before:, before:] = image[..., : kernel - before, : kernel - before]
    expected = (corner * convolution.weight).sum((1, 2, 3)) + convolution.bias
    assert torch.allclose(output[0, :, 0, 0], expected, atol=1e-5)
