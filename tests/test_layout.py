"""Tests mirror the tree: the tests of `core/fair_queue.py` are in `tests/core/test_fair_queue.py`.

The tests of a package as a whole carry its name, and `test_main.py` has those of `__main__.py`.
"""

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent

WHOLE = {"browser", "deploy", "end_to_end"}
"""Folders with tests of whole processes and of what surrounds them."""

EVERYWHERE = {"test_databases.py", "test_imports.py", "test_layout.py", "test_outside.py"}
EVERYWHERE |= {"test_source.py"}
"""Tests of rules for the whole repository, and of what other tests use."""


def subjects(path: Path) -> list[Path]:
    """Where the subject of a test file may be."""
    folder = ROOT / path.relative_to(TESTS).parent
    name = path.stem.removeprefix("test_")
    return [folder / f"{'__main__' if name == 'main' else name}.py", folder / name]


def test_each_file_of_tests_is_where_its_subject_is() -> None:
    strangers = [
        path.relative_to(ROOT).as_posix()
        for path in TESTS.rglob("test_*.py")
        if path.relative_to(TESTS).parts[0] not in WHOLE | EVERYWHERE
        if not any(place.exists() for place in subjects(path))
    ]
    assert strangers == []


def test_no_exception_has_become_needless() -> None:
    assert all((TESTS / name).exists() for name in WHOLE | EVERYWHERE)
