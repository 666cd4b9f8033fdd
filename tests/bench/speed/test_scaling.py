"""The plot of how a step scales."""

from pathlib import Path

from bench.speed.scaling import plot_growth


def test_growth_is_plotted(tmp_path: Path) -> None:
    path = tmp_path / "growth.png"
    plot_growth({"rows": {1: [2.0, 3.0]}, "cutouts": {4: [1.0]}, "pixels": {128: [1.0]}}, path)
    assert path.read_bytes().startswith(b"\x89PNG")
