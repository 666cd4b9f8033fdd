"""A pool of rendered scenes on disk, with the ImageNet network's features of each.

Drawing a scene and computing its features takes longer than a training step, so they are cached.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor

from training.data.images import SIDE, load_images
from training.data.scenes import Scene, SceneMaker
from training.data.teachers import ImageNetFeatures

BATCH = 64

SCENES = TypeAdapter(list[Scene])


@dataclass(frozen=True, slots=True)
class Pool:
    """`pixels` (n, SIDE, SIDE, 3) uint8; `features` (n, 1280) float16 of the same scenes."""

    scenes: list[Scene]
    pixels: NDArray[np.uint8]
    features: NDArray[np.float16]

    def images(self, which: NDArray[np.int64] | Tensor) -> Tensor:
        """(n, 3, SIDE, SIDE) float32 from 0 to 1."""
        chosen = torch.from_numpy(self.pixels[np.asarray(which)])
        return chosen.movedim(-1, 1).float() / 255


def load_pool(cache: Path, count: int, seed: int = 0) -> Pool:
    """A pool of `count` scenes, from the cache or newly made."""
    folder = cache / f"pool-{seed}-{count}"
    if not (folder / "scenes.json").exists():
        _make(cache, folder, count, seed)
    return Pool(
        SCENES.validate_json((folder / "scenes.json").read_bytes()),
        np.load(folder / "pixels.npy", mmap_mode="r"),
        np.load(folder / "features.npy", mmap_mode="r"),
    )


def _make(cache: Path, folder: Path, count: int, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    maker, random = SceneMaker(load_images(cache)), Random(f"pool-{seed}")
    network = ImageNetFeatures("lite2", cache).to(memory_format=torch.channels_last)
    scenes = [maker.scene(random) for _ in range(count)]
    shape = (count, SIDE, SIDE, 3)
    pixels = np.lib.format.open_memmap(folder / "pixels.npy", "w+", np.uint8, shape)
    features = np.zeros((count, ImageNetFeatures.WIDTH), np.float16)
    for start in range(0, count, BATCH):
        drawn = np.stack([maker.draw(scene) for scene in scenes[start : start + BATCH]])
        pixels[start : start + BATCH] = drawn
        images = torch.from_numpy(drawn).movedim(-1, 1).float() / 255
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            embedded = network(images.contiguous(memory_format=torch.channels_last))
        features[start : start + BATCH] = embedded.float().numpy()
    pixels.flush()
    np.save(folder / "features.npy", features)
    (folder / "scenes.json").write_bytes(SCENES.dump_json(scenes))
