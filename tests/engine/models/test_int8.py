"""Weights compressed to 8 bits and expanded again are nearly the same."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.models.int8 import compress, expand


@given(arrays("float32", (3, 5), elements=st.floats(-100, 100, width=16)))
def test_each_number_is_off_by_at_most_a_250th_of_the_largest_in_its_row(numbers: object) -> None:
    matrix = torch.tensor(numbers)
    read = expand(compress({"a": matrix}, min_size=1))["a"]
    tolerance = matrix.abs().amax(1, keepdim=True) / 250 + 1e-4
    assert ((read - matrix).abs() <= tolerance).all()


def test_the_kernels_of_an_output_channel_share_a_scale() -> None:
    kernels = torch.randn(4, 3, 5, 5) * torch.tensor([1e-3, 1, 10, 1e3]).view(4, 1, 1, 1)
    compressed = compress({"a": kernels}, min_size=1)
    assert compressed["a.scales"].shape == (4,)
    error = (expand(compressed)["a"] - kernels).flatten(1).abs().amax(1)
    assert (error <= kernels.flatten(1).abs().amax(1) / 250).all()


def test_only_large_matrices_are_compressed() -> None:
    state = {"matrix": torch.randn(8, 8), "small": torch.randn(2, 2), "vector": torch.randn(99)}
    compressed = compress(state, min_size=64)
    assert set(compressed) == {"matrix.int8", "matrix.scales", "small", "vector"}
    read = expand(compressed)
    assert set(read) == set(state)
    assert torch.equal(read["vector"], state["vector"])
