"""Periodic decoding: rolled latents decode to the rolled image."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.pattern import Tile
from engine.models.model import Model, load_model
from engine.models.optimized_decoder import enable_gradient_checkpointing, optimize_decoder
from engine.models.vqgan import VQGAN, freeze
from tests.engine.random_pair import SKETCH_PARAMS

ATTENTION = {
    **SKETCH_PARAMS,
    "ddconfig": {**SKETCH_PARAMS["ddconfig"], "attn_resolutions": [16], "num_res_blocks": 1},
}
TOLERANCE = 1e-4  #: for pixels from 0 to 1; sums have another order


def random_vqgan(params: dict[str, object]) -> VQGAN:
    torch.manual_seed(0)
    vqgan = VQGAN(**params)  # type: ignore[arg-type]
    for parameter in vqgan.parameters():  # so that no norm is the identity
        parameter.data += 0.1 * torch.randn_like(parameter)
    freeze(vqgan)
    return vqgan


def rolling_error(
    vqgan: VQGAN, latents: Tensor, tile: Tile | None, down: int, across: int
) -> float:
    """The largest difference between decoding rolled latents and rolling the decoded image."""
    factor = vqgan.factor
    with torch.no_grad():
        rolled = vqgan.decode(latents.roll((down, across), (2, 3)), tile)
        image = vqgan.decode(latents, tile)
    return (rolled - image.roll((factor * down, factor * across), (2, 3))).abs().max().item()


@pytest.mark.parametrize("optimized", [False, True])
@pytest.mark.parametrize("params", [SKETCH_PARAMS, ATTENTION], ids=["sketch", "attention"])
def test_decoding_commutes_with_rolling(params: dict[str, object], optimized: bool) -> None:
    vqgan = random_vqgan(params)
    if optimized:
        optimize_decoder(vqgan.decoder)
    latents = torch.randn(2, 16, 4, 6)
    assert rolling_error(vqgan, latents, None, 1, 2) > 0.01
    assert rolling_error(vqgan, latents, Tile.BOTH, 1, 2) < TOLERANCE
    assert rolling_error(vqgan, latents, Tile.BOTH, 3, 5) < TOLERANCE
    assert (
        rolling_error(vqgan, latents, Tile.ACROSS, 0, 1)
        < TOLERANCE
        < rolling_error(vqgan, latents, Tile.ACROSS, 1, 0)
    )
    assert (
        rolling_error(vqgan, latents, Tile.DOWN, 1, 0)
        < TOLERANCE
        < rolling_error(vqgan, latents, Tile.DOWN, 0, 1)
    )


def test_the_trained_decoder_commutes_with_rolling(tmp_path: Path) -> None:
    sketch: Model = load_model("sketch", tmp_path, torch.device("cpu"))
    codes = torch.randint(len(sketch.vqgan.codebook), (1, 16, 16))
    latents = sketch.vqgan.look_up(codes)
    assert rolling_error(sketch.vqgan, latents, None, 3, 5) > 0.05
    assert rolling_error(sketch.vqgan, latents, Tile.BOTH, 3, 5) < TOLERANCE


def test_weights_are_shared_and_the_state_dict_keeps_its_names() -> None:
    vqgan = random_vqgan(SKETCH_PARAMS)
    names = set(vqgan.state_dict())
    latents = torch.randn(1, 16, 12, 12)
    with torch.no_grad():
        vqgan.decode(latents, Tile.BOTH)
    plain, wrapped = vqgan.decoders
    assert {p.data_ptr() for p in wrapped.parameters()} == {
        p.data_ptr() for p in plain.parameters()
    }
    assert set(vqgan.state_dict()) == names


def test_gradients_roll_with_the_image_with_and_without_checkpointing() -> None:
    vqgan = random_vqgan(SKETCH_PARAMS)
    optimize_decoder(vqgan.decoder)
    checkpointed = copy.deepcopy(vqgan)
    target = torch.rand(1, 3, 16, 16)
    gradients = []
    for network, shift in ((vqgan, 0), (vqgan, 2), (checkpointed, 0)):
        network.decode(torch.zeros(1, 16, 4, 4), Tile.BOTH)
        if network is checkpointed:
            enable_gradient_checkpointing(*network.decoders)
        torch.manual_seed(1)
        latents = torch.randn(1, 16, 4, 4).roll(shift, 3).requires_grad_(True)
        image = network.decode(latents, Tile.BOTH)
        (image - target.roll(4 * shift, 3)).square().sum().backward()
        assert latents.grad is not None
        gradients.append(latents.grad.roll(-shift, 3))
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(gradients[2], gradients[0], rtol=1e-3, atol=1e-3)
