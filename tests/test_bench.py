"""Every benchmark starts: `--help` says what it measures."""

import importlib
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
PROGRAMS = sorted(
    ".".join(path.relative_to(BENCH.parent).with_suffix("").parts)
    for path in BENCH.rglob("*.py")
    if "argparse.ArgumentParser(" in path.read_text()
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_benchmark_has_a_help_text(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as exit_info:
        importlib.import_module(name).main()
    assert exit_info.value.code == 0
    assert "usage:" in capsys.readouterr().out
