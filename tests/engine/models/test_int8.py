"""Matrices in 8 bits come back nearly as they were."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.models.int8 import compress, expand


@given(arrays("float32", (3, 5), elements=st.floats(-100, 100, width=16)))
def test_each_number_is_off_by_less_than_a_254th_of_its_rows_largest(numbers: object) -> None:
    matrix = torch.tensor(numbers)
    read = expand(compress({"a": matrix}, least=1))["a"]
    allowed = matrix.abs().amax(1, keepdim=True) / 250 + 1e-4
    assert ((read - matrix).abs() <= allowed).all()


def test_only_large_matrices_are_compressed() -> None:
    state = {"matrix": torch.randn(8, 8), "small": torch.randn(2, 2), "vector": torch.randn(99)}
    compressed = compress(state, least=64)
    assert set(compressed) == {"matrix.int8", "matrix.scales", "small", "vector"}
    read = expand(compressed)
    assert set(read) == set(state)
    assert torch.equal(read["vector"], state["vector"])
