"""The files of trained weights, as the engine reads them: float16, with a list of checksums."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from engine.models.weights import SUMS


def part(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with the prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def half(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, contiguous, those of floats in float16."""
    return {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in state.items()
    }


def write_checksums(folder: Path, files: Sequence[str]) -> None:
    """Writes SHA256SUMS, and makes the files readable by everybody.

    safetensors makes them readable by their owner only. Raises FileNotFoundError.
    """
    digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files]
    lines = [f"{digest}  {name}\n" for digest, name in zip(digests, files, strict=True)]
    (folder / SUMS).write_text("".join(lines))
    for name in files:
        (folder / name).chmod(0o644)
