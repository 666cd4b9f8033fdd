"""Tests mirror the tree: the tests of `core/fair_queue.py` are in `tests/core/test_fair_queue.py`.

Tests of a whole package are named after it; `test_main.py` tests `__main__.py`.
"""

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent

SYSTEM_TESTS = {"browser", "deploy", "end_to_end"}
"""Folders with tests of whole processes and their deployment."""

REPOSITORY_TESTS = {"test_databases.py", "test_imports.py", "test_layout.py", "test_outside.py"}
REPOSITORY_TESTS |= {"test_source.py"}
"""Tests of rules for the whole repository, and of modules that other tests share."""


def possible_subjects(path: Path) -> list[Path]:
    """The module and the package that a test file may test."""
    folder = ROOT / path.relative_to(TESTS).parent
    name = path.stem.removeprefix("test_")
    return [folder / f"{'__main__' if name == 'main' else name}.py", folder / name]


def test_every_test_file_mirrors_a_module_or_package() -> None:
    misplaced = [
        path.relative_to(ROOT).as_posix()
        for path in TESTS.rglob("test_*.py")
        if path.relative_to(TESTS).parts[0] not in SYSTEM_TESTS | REPOSITORY_TESTS
        if not any(subject.exists() for subject in possible_subjects(path))
    ]
    assert misplaced == []


def test_every_exception_still_exists() -> None:
    assert all((TESTS / name).exists() for name in SYSTEM_TESTS | REPOSITORY_TESTS)
