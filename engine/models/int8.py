"""Stores matrices as int8, to keep weights small enough for a repository.

Each row is stored as integers from -127 to 127 and a float16 scale, so the error is at most 1/254
of the row's largest value. This is symmetric per-channel quantisation (Krishnamoorthi, "Quantizing
deep convolutional networks for efficient inference", 2018). Nothing computes with the integers.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

ROWS, SCALES = ".int8", ".scales"
"""Suffixes of the names of a matrix's two parts."""


def compress(state: Mapping[str, Tensor], min_size: int) -> dict[str, Tensor]:
    """Converts matrices of at least `min_size` elements to int8; keeps all other tensors."""
    compressed = {}
    for name, value in state.items():
        if value.dim() != 2 or value.numel() < min_size or not value.is_floating_point():
            compressed[name] = value
            continue
        scales = (value.float().abs().amax(1) / 127).clamp_min(1e-7).half()
        rows = (value.float() / scales.float()[:, None]).round().clamp(-127, 127)
        compressed |= {name + ROWS: rows.to(torch.int8), name + SCALES: scales}
    return compressed


def expand(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `compress`, in float32. Raises KeyError if a matrix lacks its scales."""
    expanded = {}
    for name, value in state.items():
        if name.endswith(ROWS):
            original = name.removesuffix(ROWS)
            expanded[original] = value.float() * state[original + SCALES].float()[:, None]
        elif not name.endswith(SCALES):
            expanded[name] = value
    return expanded
