"""The rendered images in the cache belong to the sets as they are now."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from training.data import images
from training.data.sources import sources


@pytest.fixture
def rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Caches that were rendered; each then has one image."""
    found: list[Path] = []

    def render(cache: Path) -> None:
        found.append(cache)
        write_cache(cache, [each.sha256 for each in sources().images])

    monkeypatch.setattr(images, "_render_all", render)
    monkeypatch.setattr(images, "fetch", lambda package, cache: cache)
    concept = SimpleNamespace(titles=())
    monkeypatch.setattr(images, "concepts", lambda folder: [concept])
    return found


def write_cache(cache: Path, packages: list[str]) -> None:
    np.save(cache / "images.npy", np.zeros((1, 2, 2, 4), np.uint8))
    table = {"packages": packages, "concept": [0], "maker": [0], "titles": [""], "makers": ["noto"]}
    (cache / "images.json").write_text(json.dumps(table))


def test_images_are_rendered_once(tmp_path: Path, rendered: list[Path]) -> None:
    for _ in range(2):
        assert len(images.load_images(tmp_path).pixels) == 1
    assert rendered == [tmp_path]


def test_images_of_other_sets_are_rendered_again(tmp_path: Path, rendered: list[Path]) -> None:
    write_cache(tmp_path, [each.sha256 for each in sources().images[1:]])
    images.load_images(tmp_path)
    assert rendered == [tmp_path]
