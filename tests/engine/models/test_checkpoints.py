"""Untrusted checkpoints: every published format can be read, and none can run code."""

import os
import pickle
import resource
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copy

import numpy as np
import pytest
import torch

from engine.models import catalogue
from engine.models.catalogue import WeightsError
from engine.models.checkpoints import read_clip, read_vqgan
from engine.models.model import read_model
from engine.models.perceptor import read_perceptor
from tests.engine.random_pair import (
    SKETCH_PARAMS,
    random_sketch_clip,
    write_lightning_checkpoint,
    write_torchscript,
)

FIX_COMMAND = "python -m engine weights pull imagenet"
IMAGE = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))


class Trap:
    """Creates a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def config(sketch_folder: Path) -> Path:
    return sketch_folder / "vqgan.yaml"


@pytest.fixture(scope="module")
def original_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Lightning checkpoint and a TorchScript archive, written once."""
    folder = tmp_path_factory.mktemp("written")
    write_lightning_checkpoint(SKETCH_PARAMS, folder / "last.ckpt")
    write_torchscript(random_sketch_clip(), folder / "clip.pt")
    return folder


@pytest.fixture
def checkpoint(original_files: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(copy(original_files / "last.ckpt", tmp_path))


@pytest.fixture
def archive(original_files: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(copy(original_files / "clip.pt", tmp_path))


def test_a_lightning_checkpoint_is_read_without_its_training_losses(
    config: Path, checkpoint: Path
) -> None:
    vqgan = read_vqgan(config, checkpoint, FIX_COMMAND)
    assert vqgan(IMAGE)[0].shape == IMAGE.shape
    assert not any(name.startswith("loss.") for name in vqgan.state_dict())
    assert not any(parameter.requires_grad for parameter in vqgan.parameters())


def test_a_checkpoint_in_the_legacy_format_with_numpy_scores_is_read(
    config: Path, checkpoint: Path, tmp_path: Path
) -> None:
    expected = read_vqgan(config, checkpoint, FIX_COMMAND)
    state = {name: value.clone() for name, value in expected.state_dict().items()}
    older = tmp_path / "older.ckpt"
    content = {"best": np.float64(0.25), "state_dict": state}
    torch.save(content, older, _use_new_zipfile_serialization=False)
    read = read_vqgan(config, older, FIX_COMMAND)
    assert torch.equal(read(IMAGE)[0], expected(IMAGE)[0])


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(
    config: Path, tmp_path: Path, zipped: bool
) -> None:
    trap, path = Trap(tmp_path / "sprung"), tmp_path / "last.ckpt"
    write_lightning_checkpoint(SKETCH_PARAMS, path, hyper_parameters=trap)
    if not zipped:
        path.write_bytes(pickle.dumps(trap, protocol=2))
    with pytest.raises(WeightsError, match=r"last\.ckpt cannot be used"):
        read_vqgan(config, path, FIX_COMMAND)
    assert not trap.folder.exists()


def test_an_archive_that_would_run_code_is_refused_and_runs_nothing(
    archive: Path, tmp_path: Path
) -> None:
    trap = Trap(tmp_path / "sprung")
    replace_member(archive, "/data.pkl", pickle.dumps(trap, protocol=2))
    with pytest.raises(WeightsError, match="which weights do not need"):
        read_perceptor(archive, FIX_COMMAND)
    assert not trap.folder.exists()


def test_the_tensors_of_an_archive_are_those_that_torchscript_would_load(archive: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, but the reference for its own format
        loaded = torch.jit.load(archive, map_location="cpu").state_dict()
    read = read_clip(archive).state
    assert set(loaded) - set(read) == {"input_resolution", "context_length", "vocab_size"}
    assert all(torch.equal(read[name], loaded[name]) for name in read)


def test_a_perceptor_can_be_read_from_a_plain_state_dict(archive: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.pt"
    torch.save(read_clip(archive).state, plain)
    texts = ["a red circle"]
    expected = read_perceptor(archive, FIX_COMMAND).embed_texts(texts)
    assert torch.equal(read_perceptor(plain, FIX_COMMAND).embed_texts(texts), expected)


@pytest.fixture
def limited_memory() -> Iterator[None]:
    """Limits memory to 1.5 GB more than is in use already; allocating more raises an error."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + 1_500_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


Damage = Callable[[bytes], bytes]

DAMAGES: dict[str, Damage] = {
    "empty": lambda content: b"",
    "a web page": lambda content: b"<html>Please log in</html>",
    "cut in half": lambda content: content[: len(content) // 2],
    "its last bytes gone": lambda content: content[:-30],
    "one byte turned": lambda content: (
        content[: len(content) // 2]
        + bytes([content[len(content) // 2] ^ 0xFF])
        + content[len(content) // 2 + 1 :]
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["checkpoint", "archive"])
def test_the_error_for_a_damaged_file_is_one_sentence_that_says_how_to_repair_it(
    kind: str, damage: str, config: Path, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(kind)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(WeightsError) as caught:
        read_vqgan(config, path, FIX_COMMAND) if kind == "checkpoint" else read_perceptor(
            path, FIX_COMMAND
        )
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be used: ")
    assert message.endswith(f"repair it with `{FIX_COMMAND}`.")
    assert "\n" not in message


@pytest.mark.parametrize("damage", ["empty", "a web page", "cut in half"])
@pytest.mark.parametrize("name", ["vqgan.safetensors", "clip.safetensors", "vqgan.yaml"])
def test_damaged_files_of_the_sketch_model_are_refused(
    name: str, damage: str, sketch_folder: Path
) -> None:
    path = sketch_folder / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    (sketch_folder / "SHA256SUMS").unlink()
    with pytest.raises(WeightsError, match=f"{name} cannot be used"):
        read_model(catalogue.find("sketch"), sketch_folder, torch.device("cpu"))


def test_weights_of_another_architecture_are_refused(config: Path, checkpoint: Path) -> None:
    config.write_text(config.read_text().replace("n_embed: 256", "n_embed: 512"))
    with pytest.raises(WeightsError, match=r"last\.ckpt cannot be used"):
        read_vqgan(config, checkpoint, FIX_COMMAND)


def test_the_error_for_a_missing_file_names_it_and_the_command_that_gets_it(config: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.ckpt is missing; get it with `python -m engine"):
        read_vqgan(config, config.parent / "gone.ckpt", FIX_COMMAND)


def _torchscript_pickle(attributes: bytes) -> bytes:
    """A pickle as TorchScript writes it: a module with the attributes that these opcodes push."""
    return b"\x80\x02c__torch__.M\nM\nq\x00)\x81}(" + attributes + b"ub."


STORAGE = (
    b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
)
"""Refers to the storage 0, which holds 4 numbers."""


def _tensor(size: int, stride: int) -> bytes:
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE + b"K\x00"
        b"\x8a\x06" + size.to_bytes(6, "little") + b"\x85K" + bytes([stride]) + b"\x85"
        b"\x89ccollections\nOrderedDict\n)RtR"
    )


def _doubling_modules() -> bytes:
    """A module that refers twice to a module that refers twice to another, and so on."""
    pickled = b"c__torch__.M\nM\nq\x00)\x81"
    for depth in range(40):
        put = b"r" + (depth + 1).to_bytes(4, "little")
        get = b"j" + (depth + 1).to_bytes(4, "little")
        pickled += (
            put + b"0h\x00)\x81}(X\x01\x00\x00\x00a" + get + b"X\x01\x00\x00\x00b" + get + b"ub"
        )
    return b"\x80\x02" + pickled + b"."


BOMBS = {
    "a memo of 4 GB": b"\x80\x02]r" + (2**29).to_bytes(4, "little") + b".",
    "a tensor larger than the file": _torchscript_pickle(b"X\x01\x00\x00\x00a" + _tensor(2**40, 0)),
    "a tensor beyond its storage": _torchscript_pickle(b"X\x01\x00\x00\x00a" + _tensor(64, 1)),
    "modules within modules": _doubling_modules(),
    "a module that holds itself": (
        b"\x80\x02c__torch__.M\nM\n)\x81q\x00}(X\x01\x00\x00\x00ah\x00ub."
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_an_archive_cannot_claim_more_memory_than_it_holds(
    bomb: str, archive: Path, limited_memory: None
) -> None:
    replace_member(archive, "/data.pkl", BOMBS[bomb])
    with pytest.raises(WeightsError, match=r"clip\.pt cannot be used"):
        read_perceptor(archive, FIX_COMMAND)


@pytest.mark.parametrize("kind", ["checkpoint", "archive"])
def test_compressed_members_are_refused(
    kind: str, config: Path, request: pytest.FixtureRequest, limited_memory: None
) -> None:
    """A few megabytes could expand to a thousand times as much."""
    path: Path = request.getfixturevalue(kind)
    replace_member(path, "/data.pkl", b"\x80\x02" + b"N0" * 1_000_000 + b"N.", packed=True)
    with pytest.raises(WeightsError, match=r"cannot be used.* compressed"):
        read_vqgan(config, path, FIX_COMMAND) if kind == "checkpoint" else read_perceptor(
            path, FIX_COMMAND
        )


def test_a_checkpoint_cannot_claim_more_memory_than_it_holds(
    config: Path, checkpoint: Path, limited_memory: None
) -> None:
    torch.save({"quantize.embedding.weight": torch.zeros(1).expand(2**20, 2**16)}, checkpoint)
    with pytest.raises(WeightsError, match="is larger than its storage"):
        read_vqgan(config, checkpoint, FIX_COMMAND)


def test_a_configuration_is_plain_data(
    config: Path, checkpoint: Path, limited_memory: None
) -> None:
    """No aliases, a few of which expand beyond any memory, and no tags, which could run code."""
    billion_laughs = "a0: &a0 [1, 1]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    for text in (billion_laughs, "model: !!python/object/apply:os.mkdir [sprung]"):
        config.write_text(text)
        with pytest.raises(WeightsError, match=r"vqgan\.yaml cannot be used"):
            read_vqgan(config, checkpoint, FIX_COMMAND)
    assert not Path("sprung").exists()


def replace_member(archive: Path, suffix: str, content: bytes, *, packed: bool = False) -> None:
    """Replaces the content of one member of an archive."""
    with zipfile.ZipFile(archive) as old:
        members = {name: old.read(name) for name in old.namelist()}
    (name,) = (name for name in members if name.endswith(suffix))
    with zipfile.ZipFile(archive, "w") as new:
        for member, data in (members | {name: content}).items():
            compressed = packed and member == name
            new.writestr(member, data, zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED)
