"""Endless batches of newly drawn scenes, so that none is repeated."""

from collections.abc import Callable, Iterator
from random import Random

import numpy as np
import torch
from PIL import Image
from torch import Tensor, distributed
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.data.drawing import draw
from training.data.drawn_captions import Caption, caption
from training.data.drawn_scenes import Scene, random_scene, variations

Captioned = tuple[Tensor, list[Caption], list[Scene]]


def to_tensor(images: list[Image.Image]) -> Tensor:
    """RGB images of one size as (batch, 3, height, width), float32 from 0 to 1."""
    stacked = np.stack([np.asarray(image) for image in images])
    return torch.from_numpy(stacked).movedim(-1, 1).float() / 255


def to_device(batch: Captioned, device: torch.device) -> Captioned:
    """Moves the images to the device; captions and scenes stay on the CPU."""
    images, captions, scenes = batch
    return images.to(device), captions, scenes


class EndlessDataset(IterableDataset[object]):
    """Calls `make(random)` forever, with different random numbers in each worker."""

    def __init__(self, make: Callable[[Random], object], seed: int) -> None:
        self.make, self.seed = make, seed

    def __iter__(self) -> Iterator[object]:
        worker = get_worker_info()
        random = Random(f"{self.seed}-{worker.id if worker else 0}")
        while True:
            yield self.make(random)


def loader(make: Callable[[Random], object], seed: int, workers: int) -> DataLoader[object]:
    """Loads the batches that `make` returns; with workers, it draws them in the background.

    Parallel training processes draw different batches.
    """
    if distributed.is_initialized():
        seed += 1000 * distributed.get_rank()
    return DataLoader(EndlessDataset(make, seed), batch_size=None, num_workers=workers)


def images(random: Random, rows: int) -> Tensor:
    """Drawings of random scenes: (batch, 3, 64, 64) from 0 to 1."""
    return to_tensor([draw(random_scene(random)) for _ in range(rows)])


def captioned(random: Random, groups: int, difficulty: float = 1.0) -> Captioned:
    """Groups of four scenes that differ in one thing each, with one caption per scene.

    CLIP must see these differences: the watermark, a shape, a colour.
    """
    scenes: list[Scene] = []
    for _ in range(groups):
        scene = random_scene(random, difficulty)
        scenes += [scene, *variations(scene, random)]
    return (
        to_tensor([draw(scene) for scene in scenes]),
        [caption(scene, random) for scene in scenes],
        scenes,
    )
