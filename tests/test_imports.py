"""Import rules: the contracts in `.importlinter`, and no cycles between modules."""

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

PACKAGES = ("bench", "bot", "core", "engine", "migrations", "sandbox", "training")


@pytest.mark.slow
def test_the_import_contracts_are_kept() -> None:
    """In its own process, since import-linter reconfigures logging and disables loggers."""
    command = Path(sys.executable).with_name("lint-imports")
    subprocess.run([command, "--no-cache"], check=True, cwd=Path(__file__).parents[1])


def check_acyclic(imports: dict[str, set[str]]) -> None:
    """Raises CycleError, which names the modules of a cycle, if there is one."""
    TopologicalSorter(imports).prepare()


def test_there_are_no_import_cycles_not_even_for_types() -> None:
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    check_acyclic({name: graph.find_modules_directly_imported_by(name) for name in graph.modules})


def test_a_cycle_is_found() -> None:
    with pytest.raises(CycleError):
        check_acyclic({"a": {"b"}, "b": {"c"}, "c": {"a"}})
