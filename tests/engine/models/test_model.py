import hashlib
from pathlib import Path

import pytest
import torch

from core.recipe import Recipe
from core.settings import PerceptorChoice
from engine.models import catalogue
from engine.models.catalogue import WeightsError
from engine.models.ensemble import Ensemble
from engine.models.model import Model, load_model, read_model
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.random_open_clip import ARCHITECTURE, random_open_clip
from tests.engine.synthesis.conftest import QUICK

CPU = torch.device("cpu")


@pytest.mark.slow
def test_the_full_size_model_is_read_from_its_published_formats_and_works(imagenet: Model) -> None:
    assert (imagenet.side, imagenet.vqgan.factor, imagenet.perceptor.resolution) == (256, 16, 224)
    assert catalogue.find("imagenet").factor == 16
    assert imagenet.vqgan.codebook.shape == (16_384, 256)
    assert imagenet.words is None
    assert imagenet.perceptor.knows("a unicorn")
    assert imagenet.perceptor.unknown_words("a unicorn") == []
    assert set(imagenet.checksums) == {"model.yaml", "last.ckpt", "ViT-B-32.pt"}
    assert {p.dtype for p in (*imagenet.vqgan.parameters(), *imagenet.perceptor.parameters())} == {
        torch.float32
    }
    with torch.no_grad():
        texts = imagenet.perceptor.embed_texts(["a castle", "fog"])
        image = imagenet.vqgan.decode(imagenet.vqgan.look_up(torch.arange(256).view(1, 16, 16)))
        embedded = imagenet.perceptor.embed_images(image.clamp(0, 1)[:, :, :224, :224])
    assert image.shape == (1, 3, 256, 256)
    assert image.std() > 0.01
    assert texts.shape == (2, 512)
    assert (embedded @ texts.t()).abs().max() <= 1.0


def test_a_small_model_is_read_in_the_same_way(sketch: Model) -> None:
    assert (sketch.side, sketch.vqgan.factor, sketch.perceptor.resolution) == (64, 4, 64)
    assert catalogue.find("sketch").factor == 4
    assert sketch.words is not None
    assert "circle" in sketch.words
    images = torch.rand(2, 3, 64, 48)
    assert sketch.vqgan.encode(images).shape == (2, 16, 16, 12)
    assert sketch.vqgan(images)[0].shape == images.shape


def test_the_same_files_make_the_same_model(sketch: Model, sketch_folder: Path) -> None:
    again = read_model(catalogue.find("sketch"), sketch_folder, CPU)
    assert again.checksums == sketch.checksums
    for one, other in ((sketch.vqgan, again.vqgan), (sketch.perceptor, again.perceptor)):
        state = other.state_dict()
        assert all(torch.equal(value, state[name]) for name, value in one.state_dict().items())


def test_the_error_for_a_model_that_was_not_pulled_says_how_to_pull_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="missing; get it with `python -m engine weights pull"):
        load_model("imagenet", tmp_path, CPU)


def test_a_file_that_changed_since_it_was_stored_is_refused(sketch_folder: Path) -> None:
    path = sketch_folder / "vqgan.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"vqgan\.safetensors is damaged .* `git checkout"):
        read_model(catalogue.find("sketch"), sketch_folder, CPU)


def test_a_host_can_choose_other_perceptors_and_the_checksums_name_them(
    sketch: Model, sketch_folder: Path, tmp_path: Path
) -> None:
    weights = random_open_clip(tmp_path / "open_clip")
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    other = PerceptorChoice(f"open_clip/{ARCHITECTURE}/{weights}", 3.0)
    name = f"open_clip/{ARCHITECTURE}/tiny.safetensors"
    vqgan_checksums = {name: sketch.checksums[name] for name in ("vqgan.yaml", "vqgan.safetensors")}

    alone = read_model(catalogue.find("sketch"), sketch_folder, CPU, [other])
    assert alone.checksums == vqgan_checksums | {name: sha256}
    assert (alone.words, alone.perceptor.resolution) == (None, 32)

    both = read_model(
        catalogue.find("sketch"), sketch_folder, CPU, [PerceptorChoice("own", 1.0), other]
    )
    assert both.checksums == vqgan_checksums | {
        "clip.safetensors (share 0.25)": sketch.checksums["clip.safetensors"],
        f"{name} (share 0.75)": sha256,
    }
    assert isinstance(both.perceptor, Ensemble)
    assert both.perceptor.resolution == 64

    own = read_model(catalogue.find("sketch"), sketch_folder, CPU, [PerceptorChoice("own", 2.0)])
    assert own.checksums == sketch.checksums


def test_an_image_is_rendered_with_several_perceptors(sketch_folder: Path, tmp_path: Path) -> None:
    weights = random_open_clip(tmp_path / "open_clip")
    choices = [
        PerceptorChoice("own", 1.0),
        PerceptorChoice(f"open_clip/{ARCHITECTURE}/{weights}", 1.0),
    ]
    model = read_model(catalogue.find("sketch"), sketch_folder, CPU, choices)
    renderer = Renderer(model, CPU, QUICK)
    recipe = Recipe.make("a unicorn | fog", "watermark", width=32, height=32, steps=2, seed=7)
    renderer.add(RenderRequest(1, recipe))
    (first,), (last,) = renderer.step(), renderer.step()
    assert last.done
    assert last.fault is None
    assert len(last.prompts) == 3
    assert first.images()[0].size == (32, 32)
