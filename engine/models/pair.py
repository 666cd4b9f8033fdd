"""A pair ready for use: the VQGAN that paints, and the perceptor that judges."""

from dataclasses import dataclass
from pathlib import Path

import torch

from engine.models import catalogue, weights
from engine.models.catalogue import Entry
from engine.models.checkpoints import read_vqgan
from engine.models.perceptor import Perceptor, read_perceptor
from engine.models.vqgan import VQGAN


@dataclass(frozen=True, slots=True)
class Pair:
    """`side`: pixels on each side of a picture unless the recipe says otherwise.

    `words` are the words the pair was taught, None when it takes any; `checksums` are the SHA-256
    of its files by name, to be kept with what it paints.
    """

    name: str
    vqgan: VQGAN
    perceptor: Perceptor
    side: int
    words: frozenset[str] | None
    checksums: dict[str, str]


def load_pair(name: str, data_dir: Path, device: torch.device) -> Pair:
    """A pair of the catalogue, in float32, frozen, on the device.

    Raises WeightsError: one sentence that says what is missing or damaged and what mends it.
    """
    entry = catalogue.find(name)
    return read_pair(entry, entry.folder(data_dir), device)


def read_pair(entry: Entry, folder: Path, device: torch.device) -> Pair:
    """As `load_pair`, from a folder of the caller's choice."""
    checksums = weights.checksums(entry, folder)
    vqgan = read_vqgan(folder / entry.config, folder / entry.vqgan, entry.mend)
    perceptor = read_perceptor(folder / entry.clip, entry.mend)
    return Pair(
        name=entry.name,
        vqgan=vqgan.to(device),
        perceptor=perceptor.to(device),
        side=entry.side,
        words=perceptor.words,
        checksums=checksums,
    )
