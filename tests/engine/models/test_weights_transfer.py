"""Weights are sent to machines that lack them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from core.settings import PerceptorChoice
from engine.models.catalogue import Download, Entry, WeightsError
from engine.models.open_clip import read_open_clip
from engine.models.weights_transfer import Content, Manifest
from tests.engine.random_open_clip import ARCHITECTURE, random_open_clip

FILES = {"model.yaml": b"a: 1", "last.ckpt": b"weights" * 1000, "clip.pt": b"clip"}

ENTRY = Entry(
    name="small",
    about="",
    side=64,
    factor=16,
    steps=10,
    memory=1.0,
    config="model.yaml",
    vqgan="last.ckpt",
    clip="clip.pt",
    downloads=(Download("model.yaml", None, None, "", ()),),
)


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """The manifest of a machine that has the files in `tmp_path / "here"`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write(ENTRY.folder(tmp_path / "here"), FILES)
    return Manifest.of(ENTRY, tmp_path / "here")


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def as_array(content: bytes) -> Content:
    return np.frombuffer(content, np.uint8)


def test_a_machine_with_the_same_files_needs_none(manifest: Manifest, tmp_path: Path) -> None:
    assert manifest.missing(tmp_path / "here") == []
    assert manifest.folder(tmp_path / "here") == ENTRY.folder(tmp_path / "here")


def test_missing_files_are_sent_and_kept(manifest: Manifest, tmp_path: Path) -> None:
    there = tmp_path / "there"
    write(ENTRY.folder(there), FILES | {"last.ckpt": b"other weights"})
    assert set(manifest.missing(there)) == set(FILES)  # a folder is used as a whole or not at all
    for name in manifest.missing(there):
        manifest.receive(name, manifest.read(name, tmp_path / "here"))
    assert manifest.missing(there) == []
    folder = manifest.folder(there)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES


def test_a_damaged_file_in_the_cache_is_sent_again(manifest: Manifest, tmp_path: Path) -> None:
    for name, content in FILES.items():
        manifest.receive(name, as_array(content))
    (manifest.folder(tmp_path) / "clip.pt").write_bytes(b"clap")
    assert manifest.missing(tmp_path) == ["clip.pt"]


def test_a_file_that_arrives_damaged_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"clip\.pt arrived with a different checksum"):
        manifest.receive("clip.pt", as_array(b"clap"))
    assert not manifest.folder(tmp_path).exists()


def test_other_weights_have_another_folder(manifest: Manifest, tmp_path: Path) -> None:
    newer = Manifest(ENTRY, manifest.checksums | {"clip.pt": hashlib.sha256(b"2").hexdigest()})
    assert newer.folder(tmp_path) != manifest.folder(tmp_path)


def test_open_clip_models_are_sent_too_and_give_the_same_embeddings(
    manifest: Manifest, tmp_path: Path
) -> None:
    file = random_open_clip(tmp_path / "here" / "perceptor")
    name = f"open_clip/{ARCHITECTURE}/{file}"
    with_open_clip = Manifest.of(ENTRY, tmp_path / "here", [PerceptorChoice(name, 1.0)])
    assert with_open_clip.missing(tmp_path / "here") == []
    content = with_open_clip.read(name, tmp_path / "here")
    original, checksum = read_open_clip(ARCHITECTURE, str(file))

    file.rename(tmp_path / "elsewhere")  # the other machine has no such file
    assert with_open_clip.missing(tmp_path / "here") == [name]
    with pytest.raises(WeightsError, match="different checksum"):
        with_open_clip.receive(name, content[1:])
    with_open_clip.receive(name, content)
    assert with_open_clip.missing(tmp_path / "here") == []
    received, received_checksum = read_open_clip(
        ARCHITECTURE, str(file), with_open_clip.external[name].local_path()
    )
    assert received_checksum == checksum
    assert torch.equal(received.embed_texts(["a circle"]), original.embed_texts(["a circle"]))
