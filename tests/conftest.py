"""How tests share a machine: each with one thread, whole processes first."""

import os
from pathlib import Path

import pytest

# Before torch is imported: several threads of several tests would wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"

HERE = Path(__file__).parent
LONGEST = tuple(HERE / name for name in ("end_to_end", "engine/test_cluster.py", "browser"))
"""Begun first, so that with several files at a time none of them is left over at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not any(item.path.is_relative_to(slow) for slow in LONGEST))
