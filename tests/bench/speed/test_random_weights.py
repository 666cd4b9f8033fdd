"""The full-size model with random weights differs from the real one only in its weights."""

import pytest
import torch

from bench.speed.random_weights import untrained_imagenet


@pytest.mark.slow
def test_the_model_has_the_published_shapes_and_leaves_the_random_state_unchanged() -> None:
    before = torch.random.get_rng_state()
    model = untrained_imagenet(torch.device("cpu"), quick=False)
    assert torch.equal(torch.random.get_rng_state(), before)
    weights = sum(weight.numel() for weight in model.vqgan.decoder.parameters())
    assert weights == pytest.approx(42.4e6, rel=0.002)
    assert model.vqgan.codebook.shape == (16_384, 256)
    assert (model.vqgan.factor, model.perceptor.resolution) == (16, 224)
    assert model.perceptor.embed_texts(["a castle"]).shape == (1, 512)
    assert not any(weight.requires_grad for weight in model.vqgan.parameters())
