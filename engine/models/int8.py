"""Stores matrices and kernels as int8, to keep weights small enough for a repository.

Each row, or each output channel of a convolution, is stored as integers from -127 to 127 and a
float16 scale, so the error is at most 1/254 of the row's largest value. This is symmetric
per-channel quantisation (Krishnamoorthi, "Quantizing deep convolutional networks for efficient
inference", 2018). Nothing computes with the integers.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

ROWS, SCALES = ".int8", ".scales"
"""Suffixes of the names of a tensor's two parts."""


def compress(state: Mapping[str, Tensor], min_size: int) -> dict[str, Tensor]:
    """Converts tensors of two or more dimensions and at least `min_size` elements to int8.

    Keeps all others.
    """
    compressed = {}
    for name, value in state.items():
        if value.dim() < 2 or value.numel() < min_size or not value.is_floating_point():
            compressed[name] = value
            continue
        rows = value.float().flatten(1)
        scales = (rows.abs().amax(1) / 127).clamp_min(1e-7).half()
        integers = (rows / scales.float()[:, None]).round().clamp(-127, 127).to(torch.int8)
        compressed |= {name + ROWS: integers.view(value.shape), name + SCALES: scales}
    return compressed


def expand(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `compress`, in float32. Raises KeyError if a tensor lacks its scales."""
    expanded = {}
    for name, value in state.items():
        if name.endswith(ROWS):
            original = name.removesuffix(ROWS)
            scales = state[original + SCALES].float()
            expanded[original] = value.float() * scales.view(-1, *(1,) * (value.dim() - 1))
        elif not name.endswith(SCALES):
            expanded[name] = value
    return expanded
