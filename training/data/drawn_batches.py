"""Endless batches of newly drawn scenes; none is used twice."""

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


def to_tensor(pictures: list[Image.Image]) -> Tensor:
    """RGB images of one size as (batch, 3, height, width), float32 from 0 to 1."""
    stacked = np.stack([np.asarray(picture) for picture in pictures])
    return torch.from_numpy(stacked).movedim(-1, 1).float() / 255


def moved(batch: Captioned, device: torch.device) -> Captioned:
    """Moves the images to the device; captions and scenes stay on the CPU."""
    pictures, captions, scenes = batch
    return pictures.to(device), captions, scenes


class Endless(IterableDataset[object]):
    """Calls `make(random)` forever, with its own random numbers in every worker."""

    def __init__(self, make: Callable[[Random], object], seed: int) -> None:
        self.make, self.seed = make, seed

    def __iter__(self) -> Iterator[object]:
        worker = get_worker_info()
        random = Random(f"{self.seed}-{worker.id if worker else 0}")
        while True:
            yield self.make(random)


def loader(make: Callable[[Random], object], seed: int, workers: int) -> DataLoader[object]:
    """Batches as `make` returns them; drawn in parallel to training if there are workers.

    Parallel training processes draw different batches.
    """
    if distributed.is_initialized():
        seed += 1000 * distributed.get_rank()
    return DataLoader(Endless(make, seed), batch_size=None, num_workers=workers)


def pictures(random: Random, rows: int) -> Tensor:
    """(batch, 3, 64, 64): scenes of every kind, for the VQGAN."""
    return to_tensor([draw(random_scene(random)) for _ in range(rows)])


def captioned(random: Random, groups: int, difficulty: float = 1.0) -> Captioned:
    """Groups of four scenes that differ in one thing each, with one caption per scene.

    The differences are what CLIP has to see: the watermark, a shape, a colour.
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
