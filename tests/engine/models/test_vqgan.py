"""VQGANs are read and used in the same way, whichever of taming's formats they come in."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from engine.models.checkpoints import read_vqgan
from engine.models.vqgan import VQGAN
from tests.engine.random_pair import (
    SKETCH_PARAMS,
    write_lightning_checkpoint,
    write_transformer_checkpoint,
)

FORMATS = ("VQModel", "GumbelVQ", "Net2NetTransformer")


def published(file_format: str, folder: Path) -> VQGAN:
    """A random VQGAN, written in this format and read back."""
    params: dict[str, Any] = dict(SKETCH_PARAMS)
    config, weights = folder / "model.yaml", folder / "last.ckpt"
    target = f"taming.models.vqgan.{file_format}"
    if file_format == "GumbelVQ":
        # taming builds its quantiser for `z_channels` but passes it `embed_dim`: keep them equal.
        params["ddconfig"] = params["ddconfig"] | {"z_channels": params["embed_dim"]}
    OmegaConf.save({"model": {"target": target, "params": params}}, config)
    if file_format == "Net2NetTransformer":
        first = {"target": "taming.models.vqgan.VQModel", "params": params}
        nested = {"transformer_config": {"target": "GPT"}, "first_stage_config": first}
        target = f"taming.models.cond_transformer.{file_format}"
        OmegaConf.save({"model": {"target": target, "params": nested}}, config)
        write_transformer_checkpoint(params, weights)
    else:
        write_lightning_checkpoint(params, weights, gumbel=file_format == "GumbelVQ")
    return read_vqgan(config, weights, fix_command="")


@pytest.fixture(scope="module", params=FORMATS)
def vqgan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VQGAN:
    torch.manual_seed(1)
    return published(request.param, tmp_path_factory.mktemp(request.param))


def test_images_are_encoded_to_latents_and_decoded_again(vqgan: VQGAN) -> None:
    images = torch.rand(2, 3, 32, 48)
    latents = vqgan.encode(images)
    assert vqgan.factor == 4
    assert latents.shape == (2, vqgan.codebook.shape[1], 8, 12)
    assert vqgan.nearest_codes(latents).max() < len(vqgan.codebook) == 256
    assert vqgan.decode(vqgan.quantise(latents)).shape == images.shape
    assert vqgan(images)[0].shape == images.shape
    assert not any(parameter.requires_grad for parameter in vqgan.parameters())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([1e-3, 1.0, 30.0]))
def test_codes_are_their_own_nearest_codes_and_the_gradient_passes_straight_through(
    vqgan: VQGAN, seed: int, spread: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(256, (1, 3, 2), generator=generator)
    assert torch.equal(vqgan.nearest_codes(vqgan.look_up(codes)), codes)
    latents = (spread * torch.randn(2, 16, 3, 4, generator=generator)).requires_grad_()
    quantised = vqgan.quantise(latents)
    nearest = vqgan.look_up(vqgan.nearest_codes(latents))
    torch.testing.assert_close(quantised, nearest, rtol=1e-5, atol=1e-5 * spread)
    gradient = torch.randn(quantised.shape, generator=generator)
    quantised.backward(gradient)
    assert latents.grad is not None
    assert torch.equal(latents.grad, gradient)


def test_a_gumbel_vqgan_encodes_to_the_most_likely_codes_of_its_quantiser(
    tmp_path: Path,
) -> None:
    vqgan = published("GumbelVQ", tmp_path)
    images = torch.rand(1, 3, 32, 32)
    logits = vqgan.quantize.proj(vqgan.quant_conv(vqgan.encoder(images * 2 - 1)))
    entries = vqgan.quantize.get_codebook_entry(logits.argmax(1).flatten(), (1, 8, 8, 16))
    torch.testing.assert_close(vqgan.encode(images), entries)
