"""The decoder is trained on what the renderer makes, and the latent space stays as it is."""

from pathlib import Path

import pytest
import torch

from engine.models.efficientnet_lite import EfficientNetLite2
from engine.models.prior import LatentPrior
from training.data.scenes import Scene
from training.pipeline import trained_vqgan
from training.stages.decoder import DecoderTraining
from training.stages.prior import CONFIG, PriorData
from training.workspace import Workspace

SCENES = 3


class NoScenes:
    def draw(self, scene: Scene) -> object:
        raise AssertionError("the test brings its own images")


@pytest.fixture
def training(tmp_path: Path) -> DecoderTraining:
    torch.manual_seed(0)
    side, channels = CONFIG["side"], CONFIG["channels"]
    data = PriorData(
        latents=torch.randn(SCENES, channels, side, side).half(),
        mean=torch.zeros(channels, 1, 1),
        std=torch.ones(channels, 1, 1),
        text_embeddings=torch.nn.functional.normalize(
            torch.randn(2, CONFIG["embedding"]), dim=1
        ).half(),
        captions=torch.tensor([[0, 1]] * SCENES),
        styles=torch.ones(SCENES, dtype=torch.long),
        weights=torch.ones(SCENES),
    )
    vqgan = trained_vqgan(Workspace(tmp_path, tmp_path))
    network = EfficientNetLite2()
    return DecoderTraining(
        vqgan,
        LatentPrior(**CONFIG),
        network,
        data,
        [Scene()] * SCENES,
        NoScenes(),  # type: ignore[arg-type]
    )


@pytest.mark.slow
def test_only_the_decoder_is_trained(training: DecoderTraining) -> None:
    before = {name: value.clone() for name, value in training.vqgan.state_dict().items()}
    optimizer = training.configure_optimizers()
    training.training_step((torch.tensor([0, 1]), torch.rand(2, 3, 128, 128)), 0).backward()
    optimizer.step()
    changed = {
        name.partition(".")[0]
        for name, value in training.vqgan.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == {"decoder", "post_quant_conv"}


def test_it_is_trained_on_codes(training: DecoderTraining) -> None:
    latents = training.rendered_latents(torch.tensor([0, 1, 2]))
    assert latents.shape == training.data.latents.shape
    assert torch.allclose(training.vqgan.quantise(latents), latents)


def test_a_checkpoint_holds_the_vqgan_alone(training: DecoderTraining) -> None:
    assert {name.partition(".")[0] for name in training.state_dict()} == {"vqgan"}
