"""Sends weights to machines that lack them: which files, by checksum, and where to store them.

The files are those of a model, and of the open_clip models among its perceptors.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.settings import PerceptorChoice
from core.storage.files import write_atomic
from engine.models import weights
from engine.models.catalogue import Entry, WeightsError
from engine.models.open_clip import find_open_clip

Content = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ExternalWeights:
    """The weights of an open_clip model: their path on the engine's machine, and their SHA-256."""

    path: Path
    checksum: str

    def local_path(self) -> Path:
        """Where this machine has the file, or where in the cache it will be stored."""
        return self.path if _matches(self.path, self.checksum) else self._cached()

    def _cached(self) -> Path:
        # The name comes last, because open_clip detects file formats by their suffixes.
        return _cache() / "open_clip" / f"{self.checksum[:16]}-{self.path.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of a model on the engine's machine, with their SHA-256, by name.

    `external` are the weights of its open_clip perceptors, by their names in the settings.
    """

    entry: Entry
    checksums: dict[str, str]
    external: dict[str, ExternalWeights] = field(default_factory=dict)

    @classmethod
    def of(
        cls, entry: Entry, data_dir: Path, perceptors: Sequence[PerceptorChoice] = ()
    ) -> "Manifest":
        """Lists the files on this machine. Raises WeightsError if one is missing or damaged."""
        external = {}
        for choice in perceptors:
            if model := choice.open_clip_model:
                path = find_open_clip(*model).absolute()
                external[choice.name] = ExternalWeights(path, weights.checksum(path))
        return cls(entry, weights.checksums(entry, entry.folder(data_dir)), external)

    def folder(self, data_dir: Path) -> Path:
        """Where this machine has the files, or will store them.

        Its own folder, if that is complete. Otherwise a cache folder named after the checksums, so
        that different weights never overwrite each other.
        """
        own = self.entry.folder(data_dir)
        return self._cache() if self._missing_in(own) else own

    def missing(self, data_dir: Path) -> list[str]:
        """The names of the files that must be sent to this machine. Reads every byte."""
        external = [
            name
            for name, weights in self.external.items()
            if not _matches(weights.local_path(), weights.checksum)
        ]
        return self._missing_in(self.folder(data_dir)) + external

    def read(self, name: str, data_dir: Path) -> Content:
        """The bytes of a file, on the machine where the manifest was made."""
        external = self.external.get(name)
        path = external.path if external else self.entry.folder(data_dir) / name
        return np.fromfile(path, np.uint8)

    def receive(self, name: str, content: Content) -> None:
        """Stores a received file in the cache. Raises WeightsError if its checksum differs."""
        external = self.external.get(name)
        expected = external.checksum if external else self.checksums[name]
        if hashlib.sha256(content.data).hexdigest() != expected:
            raise WeightsError(f"{name} arrived with a different checksum.")
        path = external.local_path() if external else self._cache() / name
        with weights.writing(path.parent):
            write_atomic(path, content.data)

    def _cache(self) -> Path:
        all_checksums = "".join(self.checksums[name] for name in sorted(self.checksums))
        digest = hashlib.sha256(all_checksums.encode()).hexdigest()[:16]
        return _cache() / f"{self.entry.name}-{digest}"

    def _missing_in(self, folder: Path) -> list[str]:
        return [
            name
            for name, checksum in self.checksums.items()
            if not _matches(folder / name, checksum)
        ]


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "imagine" / "weights"


def _matches(path: Path, checksum: str) -> bool:
    return path.is_file() and weights.checksum(path) == checksum
