"""The priors as they are read from their files, of pixels and of latents."""

from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from engine.models.checkpoints import read_prior
from engine.models.model import load_model
from engine.models.prior import LatentPrior, PixelPrior, Prior
from training.data import drawn_batches as batches
from training.data.drawing import draw
from training.data.drawn_captions import caption
from training.data.drawn_scenes import random_scene

SIZES = {
    "embedding": 256,
    "width": 32,
    "depth": 2,
    "heads": 2,
    "condition_width": 8,
    "condition_tokens": 2,
}
LATENT_SIZES = {
    "channels": 4,
    "side": 8,
    "components": 24,
    "embedding": 256,
    "width": 32,
    "depth": 2,
    "styles": 3,
}


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [(PixelPrior, SIZES), (LatentPrior, LATENT_SIZES)],
)
def test_a_prior_is_read_with_the_kind_and_sizes_that_its_file_states(
    kind: type[Prior], sizes: dict[str, int], tmp_path: Path
) -> None:
    written, file = kind(**sizes), tmp_path / "prior.safetensors"
    save_file(written.state_dict(), file, metadata={key: str(n) for key, n in sizes.items()})
    read = read_prior(file, "")
    assert type(read) is kind
    x, times = torch.randn(3, *written.shape), torch.rand(3)
    embeddings = F.normalize(torch.randn(3, 256), dim=1)
    with torch.no_grad():
        predicted = read(x, times, embeddings)
        assert torch.equal(predicted, written(x, times, embeddings))
    assert predicted.shape == x.shape
    assert not any(weight.requires_grad for weight in read.parameters())


def test_a_prior_in_bfloat16_predicts_nearly_the_same() -> None:
    prior = LatentPrior(**LATENT_SIZES)
    x, times = torch.randn(5, *prior.shape), torch.rand(5)
    embeddings = F.normalize(torch.randn(5, 256), dim=1)
    latents = torch.randn(5, 4, 8, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        exact, projected = prior(x, times, embeddings), prior.project(latents)
        prior.convert_weights(torch.bfloat16)
        rounded = prior(x, times, embeddings)
        assert torch.equal(prior.project(latents), projected)
    assert exact.dtype == projected.dtype == torch.float32  # in spite of autocast
    assert 0 < (rounded - exact).abs().max() < 0.05


def test_the_embedded_prior_follows_the_captions_of_noisy_scenes(tmp_path: Path) -> None:
    sketch = load_model("sketch", tmp_path, torch.device("cpu"))
    assert isinstance(sketch.prior, PixelPrior)
    random, generator = Random(3), torch.Generator().manual_seed(3)
    scenes = [random_scene(random) for _ in range(16)]
    captions = [caption(scene, random) for scene in scenes]
    images = batches.to_tensor([draw(scene) for scene in scenes])
    x = sketch.prior.to_samples(images, torch.empty(0), sketch.vqgan)
    times = torch.full((len(x),), 0.1)
    noisy = torch.randn(x.shape, generator=generator).lerp(x, 0.1)
    embeddings = sketch.perceptor.embed_texts([each.text for each in captions])

    def error(conditions: torch.Tensor) -> float:
        with torch.no_grad():
            return (sketch.prior(noisy, times, conditions) - x).square().mean().item()

    assert error(embeddings) < 0.5 * error(embeddings.roll(1, 0))  # captions of other scenes


def latent_prior() -> LatentPrior:
    prior = LatentPrior(**LATENT_SIZES)
    prior.mean.copy_(torch.rand(4, 8, 8))
    prior.std.copy_(1 + torch.rand(4, 1, 1))
    prior.scale.copy_(1 + torch.rand(24))
    prior.basis.copy_(torch.linalg.qr(torch.randn(256, 24)).Q.t())
    return prior


def test_samples_are_the_components_of_the_square_in_the_middle(tmp_path: Path) -> None:
    prior, vqgan = latent_prior(), load_model("sketch", tmp_path, torch.device("cpu")).vqgan
    x = torch.randn(2, *prior.shape)
    latents = F.pad(prior.reconstruct(x), (2, 2), value=9.0)
    assert torch.allclose(prior.to_samples(torch.empty(0), latents, vqgan), x, atol=1e-4)


def test_a_style_changes_the_prediction_and_0_means_none() -> None:
    prior = latent_prior()
    torch.nn.init.normal_(prior.adaln[-1].weight)
    x, times = torch.randn(3, *prior.shape), torch.rand(3)
    embeddings = F.normalize(torch.randn(3, 256), dim=1)
    with torch.no_grad():
        plain = prior(x, times, embeddings)
        assert torch.equal(prior(x, times, embeddings, torch.zeros(3, dtype=torch.long)), plain)
        styled = prior(x, times, embeddings, torch.tensor([1, 2, 0]))
    assert torch.equal(styled[2], plain[2])
    assert not torch.allclose(styled[:2], plain[:2])
