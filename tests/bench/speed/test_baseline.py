"""The baseline works as the published loop does; otherwise a comparison would prove nothing."""

import statistics
from pathlib import Path

import pytest
import torch

from bench.speed.baseline import PlainLoop, text_similarity
from engine.models import catalogue
from engine.models.checkpoints import read_vqgan
from engine.models.model import Model, load_model

TEXT = "a red circle on a white background"


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The trained model with taming's own decoder."""
    sketch = load_model("sketch", tmp_path_factory.mktemp("data"), torch.device("cpu"))
    entry = catalogue.find("sketch")
    folder = entry.folder(Path())
    vqgan = read_vqgan(folder / entry.config, folder / entry.vqgan, entry.fix_command)
    return Model(entry.name, vqgan, sketch.perceptor, entry.side, sketch.words, {})


@pytest.mark.slow
def test_the_loss_falls_and_the_image_gets_more_similar_to_its_prompt(plain: Model) -> None:
    loop = PlainLoop(plain, TEXT, width=64, height=64, cutouts=8, seed=1)
    before = text_similarity(plain.perceptor, loop.image(), TEXT)
    losses = [loop.step() for _ in range(30)]
    assert statistics.mean(losses[-5:]) < statistics.mean(losses[:5]) - 0.02
    assert text_similarity(plain.perceptor, loop.image(), TEXT) > before + 0.05


def test_crops_fit_images_of_any_shape(plain: Model) -> None:
    loop = PlainLoop(plain, TEXT, width=96, height=64, cutouts=3, seed=1)
    loop.step()
    assert loop.image().size == (96, 64)


def test_the_same_seed_renders_the_same_image(plain: Model) -> None:
    def rendered(seed: int) -> bytes:
        loop = PlainLoop(plain, TEXT, width=64, height=64, cutouts=2, seed=seed)
        loop.step()
        return loop.image().tobytes()

    assert rendered(1) == rendered(1)
    assert rendered(1) != rendered(2)
