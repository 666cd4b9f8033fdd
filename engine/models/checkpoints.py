"""Reads checkpoints as data: none can run code, or take more memory than its size.

Four formats: safetensors; plain state dicts; Lightning's checkpoints, as taming publishes them; and
TorchScript archives, as OpenAI publishes CLIP, of which only the tensors are read (`torch.jit.load`
would run the code, and is deprecated).
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
from engine.models.vqgan import VQGAN, frozen

TOKENS = 49_408
"""Rows of CLIP's token table."""

FIRST_STAGE = "first_stage_model."
"""Where taming's transformers keep the VQGAN whose codes they learn (Net2NetTransformer)."""


@dataclass(frozen=True, slots=True)
class ClipCheckpoint:
    """A CLIP's state under OpenAI's names; `words` is what it was taught, None for any word."""

    state: dict[str, Tensor]
    words: frozenset[str] | None


def read_vqgan(config: Path, weights: Path, fix_command: str) -> VQGAN:
    """The VQGAN that taming's YAML describes, with its weights in float32, frozen, on the CPU.

    A transformer's YAML and checkpoint will do: the VQGAN is its first stage. Raises WeightsError,
    which names the file and `fix_command`, the command that repairs it.
    """
    with reading(config, fix_command):
        model = _read_config(config)["model"]
        model = model["params"].get("first_stage_config", model)
        params, gumbel = model["params"], model["target"].endswith(".GumbelVQ")
        with torch.device("meta"):
            vqgan = VQGAN(params["ddconfig"], params["embed_dim"], params["n_embed"], gumbel)
    with reading(weights, fix_command):
        kept = _of_vqgan(_read_state(weights))
        _refuse_others({name: value.shape for name, value in vqgan.state_dict().items()}, kept)
        copies = {name: value.to(torch.float32, copy=True) for name, value in kept.items()}
        vqgan.load_state_dict(copies, assign=True)
    frozen(vqgan)
    return vqgan


def read_prior(weights: Path, fix_command: str) -> Prior:
    """A prior in float32, frozen, on the CPU; its shape is in the file's metadata.

    Raises WeightsError, which names the file and `fix_command`, the command that repairs it.
    """
    with reading(weights, fix_command):
        shape = {name: int(size) for name, size in _metadata(weights).items()}
        prior = LatentPrior(**shape) if "channels" in shape else PixelPrior(**shape)
        prior.load_state_dict(_read_state(weights))
    frozen(prior)
    return prior


def _read_config(path: Path) -> Any:
    """Reads plain data from YAML. Refuses aliases, with which a few lines expand without bound."""
    text = path.read_text()
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise ValueError("it uses aliases, which no published configuration does")
    return OmegaConf.to_container(OmegaConf.create(text))


def _refuse_others(expected: dict[str, torch.Size], found: dict[str, Tensor]) -> None:
    """Raises ValueError unless names and shapes agree, before anything is copied."""
    if different := sorted(
        name
        for name in expected.keys() | found.keys()
        if name not in found or expected.get(name) != found[name].shape
    ):
        raise ValueError(f"{different[0]} and {len(different) - 1} others do not fit")


def _of_vqgan(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The VQGAN's part of a checkpoint; some were published inside a transformer."""
    inside = {
        name.removeprefix(FIRST_STAGE): value
        for name, value in state.items()
        if name.startswith(FIRST_STAGE)
    }
    # The training losses (LPIPS, discriminator) are not part of it.
    return {
        name: value for name, value in (inside or state).items() if not name.startswith("loss.")
    }


def read_clip(weights: Path) -> ClipCheckpoint:
    """A CLIP as OpenAI publishes it, or with a sparse token table as training exports it."""
    state = _read_state(weights)
    words = _metadata(weights).get("words")
    if "token_embedding.ids" in state:
        ids, rows = state.pop("token_embedding.ids"), state.pop("token_embedding.rows")
        table = rows.new_zeros(TOKENS, rows.shape[1])
        table[ids] = rows
        state["token_embedding.weight"] = table
    return ClipCheckpoint(state, None if words is None else frozenset(words.split()))


@contextmanager
def reading(path: Path, fix_command: str) -> Iterator[None]:
    """Turns any error of an untrusted file into a WeightsError of one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise WeightsError(f"{path} is missing; get it with `{fix_command}`.") from error
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".:")
        raise WeightsError(
            f"{path} cannot be used: it is damaged, or not what its name says ({reason}); "
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
            _refuse_packed(member)
        if damaged := archive.testzip():
            raise ValueError(f"{damaged} does not match its checksum")
    # Memory-mapped, so that unneeded parts, such as the optimiser's state, are never read.
    return _read_pickled(path, mapped=True)


def _refuse_packed(member: zipfile.ZipInfo) -> None:
    """Refuses compression, which PyTorch never uses: it could expand a thousandfold."""
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member.filename} is packed, which PyTorch never does")


def _refuse_expanded(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Refuses tensors that strides make larger than their storage: a copy would take that much."""
    for name, value in state.items():
        if value.nbytes > value.untyped_storage().nbytes():
            raise ValueError(f"{name} claims to be larger than it is")
    return state


def _metadata(path: Path) -> dict[str, str]:
    if path.suffix != ".safetensors":
        return {}
    with safe_open(path, framework="pt") as file:
        return file.metadata() or {}


class _Inert:
    """Replaces classes in a checkpoint that say nothing about the weights."""

    def __init__(self, *state: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


# What Lightning stores beside the weights: the states of callbacks, and scores as NumPy numbers.
# They are replaced, so that neither library needs to be installed in a matching version.
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
    return _refuse_expanded(
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

_NO_WEIGHTS = {"input_resolution", "context_length", "vocab_size"}
"""Numbers that OpenAI's archives keep among the weights; they follow from the weights' shapes."""


MOST_MODULES, LONGEST_NAME = 10_000, 1_000
"""Limits of a TorchScript archive, in which references could form cycles."""


class _ScriptModule:
    """A module of a TorchScript archive: its tensors and submodules are its attributes."""

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        waiting, seen = [("", self)], 0
        while waiting:
            (prefix, module), seen = waiting.pop(), seen + 1
            if seen > MOST_MODULES or len(prefix) > LONGEST_NAME:
                raise ValueError("there is no end of modules in it")
            for name, value in vars(module).items():
                if isinstance(value, Tensor):
                    yield prefix + name, value
                elif isinstance(value, _ScriptModule):
                    waiting.append((f"{prefix}{name}.", value))


def _read_torchscript(archive: zipfile.ZipFile) -> dict[str, Tensor]:
    """The tensors of a TorchScript archive; every member that is read is checked (CRC-32).

    Source of the format: PyTorch's `torch/csrc/jit/docs/serialization.md`.
    """
    (record,) = (name for name in archive.namelist() if name.count("/") == 1 and "data.pkl" in name)
    pickled = _member(archive, record)
    for opcode, argument, _ in pickletools.genops(pickled):
        # Python allocates memory for every number up to the largest.
        if "PUT" in opcode.name and (argument or 0) > len(pickled):
            raise ValueError("it counts further than it is long")
    unpickler = _TensorUnpickler(io.BytesIO(pickled), archive, record.removesuffix(".pkl"))
    tensors = unpickler.load().tensors()
    return _refuse_expanded({name: value for name, value in tensors if name not in _NO_WEIGHTS})


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    _refuse_packed(archive.getinfo(name))
    return archive.read(name)


class _TensorUnpickler(pickle.Unpickler):
    """Allows modules and tensors, but no other class or function."""

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
                return _rebuilt
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


def _rebuilt(storage: Tensor, offset: int, size: Any, stride: Any, *_: object) -> Tensor:
    return storage.as_strided(size, stride, offset)
