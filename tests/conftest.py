"""How tests share a machine: each with one thread, the longest files first."""

import atexit
import gc
import os
from collections.abc import Generator
from functools import cache
from pathlib import Path

import pytest
import structlog
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

# Only a power cut shows whether a file was forced to the disk, and it takes longer than the rest.
os.fsync = lambda file: None

# structlog's own tracebacks draw boxes around all variables: half a second for each.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

HERE = Path(__file__).parent
WHOLE = tuple(HERE / name for name in ("browser", "deploy", "end_to_end"))
"""All tests in these folders are slow: they start whole processes or a browser."""

LONGEST = [
    HERE / name
    for name in (
        "end_to_end/test_cluster.py",
        "engine/test_cluster.py",
        "end_to_end/test_painting.py",
        "end_to_end/test_crashes.py",
        "browser/test_accessibility.py",
        "engine/models/test_optimized_decoder.py",
        "bot/services/test_responses.py",
        "end_to_end/test_hosts.py",
        "browser",
        "end_to_end",
        "engine/test_cli.py",
        "engine/synthesis/test_renderer.py",
        "engine/synthesis/test_film.py",
        "engine/test_worker.py",
        "bot/test_main.py",
        "engine/models/test_model.py",
        "engine/test_describer.py",
        "bench/quality/test_ablation.py",
        "bench/speed/test_baseline.py",
        "sandbox",
    )
]
"""Run first, so that none of them is left over at the end, where the other workers idle."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imports everything, all of which stays: the garbage collector need not look at it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        atexit.register(gc.unfreeze)  # or nanobind reports leaks at the end


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_whole(item.path):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: _turn(item.path))


@cache  # there are ten times as many tests as files
def _is_whole(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in WHOLE)


@cache
def _turn(path: Path) -> int:
    ranks = (rank for rank, start in enumerate(LONGEST) if path.is_relative_to(start))
    return next(ranks, len(LONGEST))
