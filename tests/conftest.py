"""How tests share a machine: each with one thread, whole processes first."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before torch is imported: several threads of several tests would wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
# The smallest model, unless a test names another.
os.environ["MODEL"] = "sketch"

# How long a test takes says how busy the machine is, not whether the code is right.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

HERE = Path(__file__).parent
LONGEST = tuple(HERE / name for name in ("end_to_end", "engine/test_cluster.py", "browser"))
"""Begun first, so that with several files at a time none of them is left over at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not any(item.path.is_relative_to(slow) for slow in LONGEST))
