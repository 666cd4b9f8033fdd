"""The packages of the training data, from `sources.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

TABLE = Path(__file__).with_name("sources.toml")


@dataclass(frozen=True, slots=True)
class Package:
    """One package of a public registry, pinned by version and SHA-256."""

    name: str
    registry: Literal["npm", "debian", "pypi"]
    package: str
    version: str
    sha256: str
    licence: str
    attribution: str


@dataclass(frozen=True, slots=True)
class ImageSet(Package):
    """A set of images by one maker. Only sets for `train` influence the shipped weights."""

    use: Literal["train", "judge"]
    style: str


@dataclass(frozen=True, slots=True)
class Sources:
    images: tuple[ImageSet, ...]
    texts: tuple[Package, ...]
    networks: tuple[Package, ...]

    @property
    def packages(self) -> tuple[Package, ...]:
        return (*self.images, *self.texts, *self.networks)

    def find(self, name: str) -> Package:
        """Raises KeyError for a name that is not in the table."""
        for package in self.packages:
            if package.name == name:
                return package
        raise KeyError(name)


@cache
def sources() -> Sources:
    """All packages of `sources.toml`."""
    table = tomllib.loads(TABLE.read_text())
    return Sources(
        images=tuple(ImageSet(**row) for row in table["images"]),
        texts=tuple(Package(**row) for row in table["texts"]),
        networks=tuple(Package(**row) for row in table["networks"]),
    )


STYLES = ("any", *(s.name for s in sources().images if s.use == "train"), "drawn")
"""The prior's styles, by their numbers."""
