"""Setup for all tests: one thread each, the smallest model, the slowest files first."""

import atexit
import gc
import os
from collections.abc import Generator
from functools import cache
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

# Set before torch is imported: with more threads, parallel tests slow each other down.
os.environ["OMP_NUM_THREADS"] = "1"
# The smallest model, unless a test sets another.
os.environ["MODEL"] = "sketch"

# Deadlines would fail on a busy machine, not because of wrong code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# fsync only matters after a power cut, and takes longer than everything else in many tests.
os.fsync = lambda file: None

# structlog's default tracebacks show all variables, which takes half a second each.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

HERE = Path(__file__).parent
SLOW_FOLDERS = tuple(HERE / name for name in ("browser", "deploy", "end_to_end"))
"""All tests in these folders are marked slow: most start processes or a browser."""

SLOWEST_FIRST = [
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
"""Files and folders to run first, so that no worker is left with a slow file at the end."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Exempts everything imported during collection from garbage collection: it is never freed."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        atexit.register(gc.unfreeze)  # otherwise nanobind reports leaks at exit


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_slow(item.path):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: _rank(item.path))


@cache  # called for each test, ten times per file
def _is_slow(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in SLOW_FOLDERS)


@cache
def _rank(path: Path) -> int:
    ranks = (rank for rank, start in enumerate(SLOWEST_FIRST) if path.is_relative_to(start))
    return next(ranks, len(SLOWEST_FIRST))
