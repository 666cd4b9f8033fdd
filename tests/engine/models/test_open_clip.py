"""open_clip's models as perceptors, tested with a small one that has random weights."""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2.functional import normalize

from engine.models.catalogue import WeightsError
from engine.models.open_clip import OpenClipPerceptor, read_open_clip
from tests.engine.random_open_clip import ARCHITECTURE, RESOLUTION, random_open_clip

TEXTS = ["a large red circle", "fog", ""]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_open_clip(tmp_path_factory.mktemp("open_clip"))


@pytest.fixture(scope="module")
def perceptor(weights: Path) -> OpenClipPerceptor:
    return read_open_clip(ARCHITECTURE, str(weights))[0]


def test_embeddings_match_open_clips_own_and_the_gradient_passes_through(
    perceptor: OpenClipPerceptor, weights: Path
) -> None:
    clip, _, preprocess = open_clip.create_model_and_transforms(ARCHITECTURE, str(weights))
    (normalisation,) = (step for step in preprocess.transforms if hasattr(step, "std"))
    images = torch.rand(2, 3, RESOLUTION, RESOLUTION).requires_grad_()
    normalised = normalize(images, list(normalisation.mean), list(normalisation.std))
    embedded = perceptor.embed_images(images)
    torch.testing.assert_close(embedded, clip.eval().encode_image(normalised, normalize=True))
    embedded[:, 0].sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    tokens = open_clip.get_tokenizer(ARCHITECTURE)(TEXTS)
    torch.testing.assert_close(
        perceptor.embed_texts(TEXTS), clip.encode_text(tokens, normalize=True)
    )
    assert perceptor.embed_texts([]).shape == (0, 24)
    assert not any(parameter.requires_grad for parameter in perceptor.parameters())


def test_the_resolution_is_that_of_the_model_and_the_checksum_that_of_the_file(
    weights: Path,
) -> None:
    perceptor, sha256 = read_open_clip(ARCHITECTURE, str(weights))
    assert perceptor.resolution == RESOLUTION
    assert sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()


@pytest.mark.filterwarnings("ignore:QuickGELU mismatch")
def test_the_settings_of_a_tag_apply_wherever_its_weights_are(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = {"url": "https://nowhere.example", "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}
    tags = {ARCHITECTURE: {"tagged": tag | {"quick_gelu": True}}}
    monkeypatch.setattr("open_clip.pretrained._PRETRAINED", tags)
    for module in ("open_clip.factory", "open_clip.pretrained"):
        monkeypatch.setattr(f"{module}.download_pretrained", lambda *_, **__: str(weights))
    clip, _, preprocess = open_clip.create_model_and_transforms(
        ARCHITECTURE, "tagged", force_quick_gelu=True
    )
    (normalisation,) = (step for step in preprocess.transforms if hasattr(step, "std"))
    images = torch.rand(2, 3, RESOLUTION, RESOLUTION)
    normalised = normalize(images, list(normalisation.mean), list(normalisation.std))
    expected = clip.eval().encode_image(normalised, normalize=True)
    for path in (None, weights):
        tagged, _ = read_open_clip(ARCHITECTURE, "tagged", path)
        torch.testing.assert_close(tagged.embed_images(images), expected)
    plain, _ = read_open_clip(ARCHITECTURE, str(weights))
    assert not torch.allclose(plain.embed_images(images), expected, atol=1e-3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["red", "a", "antidisestablishmentarianism", "moon,"])))
def test_truncated_words_have_no_effect_but_the_last_kept_word_has(
    perceptor: OpenClipPerceptor, words: list[str]
) -> None:
    truncated = perceptor.truncated_words(" ".join(words))
    kept = words[: len(words) - len(truncated)]
    assert kept + truncated == words
    whole, cut, shorter = perceptor.embed_texts(
        [" ".join(words), " ".join(kept), " ".join(kept[:-1])]
    )
    assert torch.equal(whole, cut)
    assert not kept or not torch.equal(whole, shorter)


def test_every_word_is_known(perceptor: OpenClipPerceptor) -> None:
    assert perceptor.words is None
    assert perceptor.knows("snark")
    assert perceptor.unknown_words("snark") == []


class Trap:
    """Creates a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_file_that_would_run_code_is_refused_and_runs_nothing(
    weights: Path, tmp_path: Path
) -> None:
    trap, path = Trap(tmp_path / "sprung"), tmp_path / "weights.pt"
    torch.save({"state_dict": trap}, path)
    with pytest.raises(WeightsError, match=rf"^The perceptor open_clip/{ARCHITECTURE}/.* cannot"):
        read_open_clip(ARCHITECTURE, str(path))
    assert not trap.folder.exists()


@pytest.mark.parametrize("architecture", [ARCHITECTURE, "ViT-of-nobody"])
def test_the_error_for_an_unknown_architecture_or_tag_names_it(
    weights: Path, architecture: str
) -> None:
    with pytest.raises(WeightsError) as caught:
        read_open_clip(architecture, "no_such_tag")
    message = str(caught.value)
    assert message.startswith(
        f"The perceptor open_clip/{architecture}/no_such_tag cannot be used: "
    )
    assert "\n" not in message


def test_the_error_without_the_extra_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)  # as if it were not installed
    with pytest.raises(WeightsError, match=r"need the extra openclip: install it with `pip"):
        read_open_clip("ViT-B-32", "laion2b_s34b_b79k")
