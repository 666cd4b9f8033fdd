"""The cache of rendered images is renewed when the image sets change."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from training.data import images
from training.data.sources import sources


@pytest.fixture
def rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The caches that were rendered; each then has one image."""
    caches: list[Path] = []

    def render(cache: Path, side: int) -> None:
        caches.append(cache)
        write_cache(cache, [each.sha256 for each in sources().images], side)

    monkeypatch.setattr(images, "_render_all", render)
    monkeypatch.setattr(images, "fetch", lambda package, cache: cache)
    concept = SimpleNamespace(titles=())
    monkeypatch.setattr(images, "concepts", lambda folder: [concept])
    return caches


def write_cache(cache: Path, packages: list[str], side: int = images.SIDE) -> None:
    np.save(cache / f"images-{side}.npy", np.zeros((1, side, side, 4), np.uint8))
    table = {"packages": packages, "concept": [0], "maker": [0], "titles": [""], "makers": ["noto"]}
    (cache / f"images-{side}.json").write_text(json.dumps(table))


def test_images_are_rendered_once(tmp_path: Path, rendered: list[Path]) -> None:
    for _ in range(2):
        assert len(images.load_images(tmp_path).pixels) == 1
    assert rendered == [tmp_path]


def test_each_size_is_rendered_once(tmp_path: Path, rendered: list[Path]) -> None:
    for side in (images.SIDE, images.LARGE_SIDE, images.SIDE):
        assert images.load_images(tmp_path, side).pixels.shape == (1, side, side, 4)
    assert rendered == [tmp_path, tmp_path]


def test_images_of_other_sets_are_rendered_again(tmp_path: Path, rendered: list[Path]) -> None:
    write_cache(tmp_path, [each.sha256 for each in sources().images[1:]])
    images.load_images(tmp_path)
    assert rendered == [tmp_path]
