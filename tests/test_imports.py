"""Who may import whom: the contracts of `.importlinter`, and no cycles between modules."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

PACKAGES = ("bench", "bot", "core", "engine", "migrations", "sandbox", "training")


def test_the_import_contracts_are_kept() -> None:
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS


def check_acyclic(imports: dict[str, set[str]]) -> None:
    """Raises CycleError, which names the modules of the cycle."""
    TopologicalSorter(imports).prepare()


def test_no_module_imports_itself_through_others_not_even_for_types() -> None:
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    check_acyclic({name: graph.find_modules_directly_imported_by(name) for name in graph.modules})


def test_a_cycle_is_found() -> None:
    with pytest.raises(CycleError):
        check_acyclic({"a": {"b"}, "b": {"c"}, "c": {"a"}})
