"""Reads checkpoints as data: they cannot run code, or take more memory than their size.

There are four formats: safetensors; plain state dicts; Lightning's checkpoints, as taming publishes
them; and TorchScript archives, as OpenAI publishes CLIP. From the last, only the tensors are read:
`torch.jit.load` would run the code, and is deprecated.
"""

import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from omegaconf import OmegaConf
from safetensors import safe_open
from torch import Tensor

from engine.models.catalogue import WeightsError
from engine.models.int8 import expand
from engine.models.prior import LatentPrior, PixelPrior, Prior
from engine.models.upscaler import Upscaler
from engine.models.vqgan import VQGAN, freeze

VOCAB_SIZE = 49_408
"""Rows of CLIP's token embedding."""

FIRST_STAGE = "first_stage_model."
"""The prefix of the VQGAN's weights in taming's transformers (Net2NetTransformer)."""


@dataclass(frozen=True, slots=True)
class ClipCheckpoint:
    """A CLIP's state dict with OpenAI's names, and the `words` it was trained on; None for any."""

    state: dict[str, Tensor]
    words: frozenset[str] | None


def read_vqgan(config: Path, weights: Path, fix_command: str) -> VQGAN:
    """Loads the VQGAN that taming's YAML describes: float32, frozen, on the CPU.

    A transformer's YAML and checkpoint work, too: the VQGAN is its first stage. Raises
    WeightsError, which names the file and `fix_command`, the command that repairs it.
    """
    with reading(config, fix_command):
        model = _read_config(config)["model"]
        model = model["params"].get("first_stage_config", model)
        params, gumbel = model["params"], model["target"].endswith(".GumbelVQ")
        with torch.device("meta"):
            vqgan = VQGAN(params["ddconfig"], params["embed_dim"], params["n_embed"], gumbel)
    with reading(weights, fix_command):
        state = _vqgan_state(_read_state(weights))
        _check_shapes({name: value.shape for name, value in vqgan.state_dict().items()}, state)
        copies = {name: value.to(torch.float32, copy=True) for name, value in state.items()}
        vqgan.load_state_dict(copies, assign=True)
    freeze(vqgan)
    return vqgan


def read_prior(weights: Path, fix_command: str) -> Prior:
    """Loads a prior: float32, frozen, on the CPU. Its shape is in the file's metadata.

    Raises WeightsError, which names the file and `fix_command`, the command that repairs it.
    """
    with reading(weights, fix_command):
        shape = {name: int(size) for name, size in _metadata(weights).items()}
        prior = LatentPrior(**shape) if "channels" in shape else PixelPrior(**shape)
        prior.load_state_dict(_read_state(weights))
    freeze(prior)
    return prior


def read_upscaler(weights: Path, fix_command: str) -> Upscaler:
    """Loads an upscaler: float32, frozen, on the CPU. Raises WeightsError like `read_prior`."""
    with reading(weights, fix_command):
        upscaler = Upscaler()
        upscaler.load_state_dict(_read_state(weights))
    freeze(upscaler)
    return upscaler.to(memory_format=torch.channels_last)


def _read_config(path: Path) -> Any:
    """Reads plain data from YAML. Refuses aliases, with which a few lines can expand endlessly."""
    text = path.read_text()
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise ValueError("it uses aliases, which no published configuration does")
    return OmegaConf.to_container(OmegaConf.create(text))


def _check_shapes(expected: dict[str, torch.Size], found: dict[str, Tensor]) -> None:
    """Raises ValueError if names or shapes differ, before anything is copied."""
    if different := sorted(
        name
        for name in expected.keys() | found.keys()
        if name not in found or expected.get(name) != found[name].shape
    ):
        raise ValueError(f"{different[0]} and {len(different) - 1} other tensors do not match")


def _vqgan_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The VQGAN's part of a checkpoint; some were published as part of a transformer."""
    first_stage = {
        name.removeprefix(FIRST_STAGE): value
        for name, value in state.items()
        if name.startswith(FIRST_STAGE)
    }
    # The networks of the training loss (LPIPS, discriminator) are not part of it.
    return {
        name: value
        for name, value in (first_stage or state).items()
        if not name.startswith("loss.")
    }


def read_clip(weights: Path) -> ClipCheckpoint:
    """Reads OpenAI's CLIP, or one from our training, whose token embedding is sparse."""
    state = _read_state(weights)
    words = _metadata(weights).get("words")
    if "token_embedding.ids" in state:
        ids, rows = state.pop("token_embedding.ids"), state.pop("token_embedding.rows")
        embedding = rows.new_zeros(VOCAB_SIZE, rows.shape[1])
        embedding[ids] = rows
        state["token_embedding.weight"] = embedding
    return ClipCheckpoint(state, None if words is None else frozenset(words.split()))


@contextmanager
def reading(path: Path, fix_command: str) -> Iterator[None]:
    """Turns any error from an untrusted file into a WeightsError of one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise WeightsError(f"{path} is missing; get it with `{fix_command}`.") from error
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".:")
        raise WeightsError(
            f"{path} cannot be used: it is damaged, or not the expected file ({reason}); "
            f"repair it with `{fix_command}`."
        ) from error


def _read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint in any of the four formats, by name."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            return expand({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    if not zipfile.is_zipfile(path):
        return _read_pickled(path, mapped=False)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any("/code/" in member.filename for member in members):
            return _read_torchscript(archive)
        for member in members:
            _refuse_compressed(member)
        if damaged := archive.testzip():
            raise ValueError(f"{damaged} does not match its checksum")
    # Memory-mapped, so that parts that are not needed, such as optimiser states, are never read.
    return _read_pickled(path, mapped=True)


def _refuse_compressed(member: zipfile.ZipInfo) -> None:
    """Refuses compression, which PyTorch never uses: it could expand a thousandfold."""
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member.filename} is compressed, which PyTorch never does")


def _refuse_oversized(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Refuses tensors that strides make larger than their storage: copies could fill the memory."""
    for name, value in state.items():
        if value.nbytes > value.untyped_storage().nbytes():
            raise ValueError(f"{name} is larger than its storage")
    return state


def _metadata(path: Path) -> dict[str, str]:
    if path.suffix != ".safetensors":
        return {}
    with safe_open(path, framework="pt") as file:
        return file.metadata() or {}


class _Inert:
    """Replaces classes in a checkpoint that have nothing to do with the weights."""

    def __init__(self, *state: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


# What Lightning stores besides the weights: states of callbacks, and scores as NumPy numbers.
# They are replaced, so that neither library has to be installed in a matching version.
_HARMLESS: list[Any] = [
    (_Inert, name)
    for name in (
        "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
        "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.dtype",
    )
]


def _read_pickled(path: Path, mapped: bool) -> dict[str, Tensor]:
    """A state dict, or a Lightning checkpoint with one in it; anything executable is refused."""
    with torch.serialization.safe_globals(_HARMLESS):
        read = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    state = read.get("state_dict", read)
    return _refuse_oversized(
        {str(name): value for name, value in state.items() if isinstance(value, Tensor)}
    )


_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "BoolStorage": torch.bool,
}

_NOT_WEIGHTS = {"input_resolution", "context_length", "vocab_size"}
"""Numbers that OpenAI's archives store like weights; the weights' shapes determine them."""

MAX_MODULES, MAX_NAME_LENGTH = 10_000, 1_000
"""Limits for a TorchScript archive, in which references could form cycles."""


class _ScriptModule:
    """A module of a TorchScript archive: its tensors and submodules are its attributes."""

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        pending, count = [("", self)], 0
        while pending:
            (prefix, module), count = pending.pop(), count + 1
            if count > MAX_MODULES or len(prefix) > MAX_NAME_LENGTH:
                raise ValueError("it contains too many modules, or a cycle of them")
            for name, value in vars(module).items():
                if isinstance(value, Tensor):
                    yield prefix + name, value
                elif isinstance(value, _ScriptModule):
                    pending.append((f"{prefix}{name}.", value))


def _read_torchscript(archive: zipfile.ZipFile) -> dict[str, Tensor]:
    """The tensors of a TorchScript archive. Checks every member that it reads (CRC-32).

    Source of the format: PyTorch's `torch/csrc/jit/docs/serialization.md`.
    """
    (record,) = (name for name in archive.namelist() if name.count("/") == 1 and "data.pkl" in name)
    pickled = _member(archive, record)
    for opcode, argument, _ in pickletools.genops(pickled):
        # The unpickler allocates memory for every index up to the largest one.
        if "PUT" in opcode.name and (argument or 0) > len(pickled):
            raise ValueError("it uses an index that exceeds its length")
    unpickler = _TensorUnpickler(io.BytesIO(pickled), archive, record.removesuffix(".pkl"))
    tensors = unpickler.load().tensors()
    return _refuse_oversized({name: value for name, value in tensors if name not in _NOT_WEIGHTS})


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    _refuse_compressed(archive.getinfo(name))
    return archive.read(name)


class _TensorUnpickler(pickle.Unpickler):
    """Loads modules and tensors, and refuses all other classes and functions."""

    def __init__(self, file: io.BytesIO, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive = archive
        self._folder = folder
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "torch", storage if storage in _STORAGES:
                return _STORAGES[storage]
            case "torch._utils", "_rebuild_tensor_v2":
                return _rebuild_tensor
            case "collections", "OrderedDict":
                return OrderedDict
            case _ if module.startswith("__torch__."):
                return _ScriptModule
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which weights do not need")

    def persistent_load(self, pid: Any) -> Tensor:
        """A storage, as a flat tensor; `pid` is ("storage", type, key, device, count)."""
        _, dtype, key, _, count = pid
        if key not in self._storages:
            content = bytearray(_member(self._archive, f"{self._folder}/{key}"))
            self._storages[key] = torch.frombuffer(content, dtype=dtype, count=count)
        return self._storages[key]


def _rebuild_tensor(storage: Tensor, offset: int, size: Any, stride: Any, *_: object) -> Tensor:
    return storage.as_strided(size, stride, offset)
