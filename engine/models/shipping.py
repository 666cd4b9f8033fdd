"""Sends weights to the nodes of a cluster that lack them: a manifest by checksum, and a cache.

The files are those of a model and of open_clip's perceptors.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.settings import PerceptorChoice
from engine.models import weights
from engine.models.catalogue import Entry, WeightsError
from engine.models.open_clip import find_open_clip

Content = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Judge:
    """An open_clip perceptor: its file on the engine's machine, and the file's SHA-256."""

    path: Path
    checksum: str

    def here(self) -> Path:
        """The file's path on this machine: the same path if it exists, else in the cache."""
        return self.path if _is(self.path, self.checksum) else self._cached()

    def _cached(self) -> Path:
        # With its name last: open_clip detects the format by the suffix.
        return _cache() / "open_clip" / f"{self.checksum[:16]}-{self.path.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A pair's files and the SHA-256 of each, by name, as the engine's machine has them.

    `judges` are the models of open_clip among the perceptors, by what the settings call them.
    """

    entry: Entry
    checksums: dict[str, str]
    judges: dict[str, Judge] = field(default_factory=dict)

    @classmethod
    def of(
        cls, entry: Entry, data_dir: Path, perceptors: Sequence[PerceptorChoice] = ()
    ) -> "Manifest":
        """A manifest of this machine's files. Raises WeightsError if one is missing or damaged."""
        judges = {}
        for choice in perceptors:
            if model := choice.of_open_clip:
                path = find_open_clip(*model).absolute()
                judges[choice.name] = Judge(path, weights.sha256(path))
        return cls(entry, weights.checksums(entry, entry.folder(data_dir)), judges)

    def folder(self, data_dir: Path) -> Path:
        """The folder of the files on this machine: the data folder if it is complete.

        Otherwise a cache folder named after its content, so that other weights never replace it.
        """
        own = self.entry.folder(data_dir)
        return self._cache() if self._lacking(own) else own

    def lacking(self, data_dir: Path) -> list[str]:
        """The names of the files that this machine lacks. Reads every byte."""
        judges = [
            name for name, judge in self.judges.items() if not _is(judge.here(), judge.checksum)
        ]
        return self._lacking(self.folder(data_dir)) + judges

    def read(self, name: str, data_dir: Path) -> Content:
        """The bytes of a file, on the machine where the manifest was made."""
        judge = self.judges.get(name)
        return np.fromfile(judge.path if judge else self.entry.folder(data_dir) / name, np.uint8)

    def receive(self, name: str, content: Content) -> None:
        """Stores a received file in the cache. Raises WeightsError if its checksum is wrong."""
        judge = self.judges.get(name)
        expected = judge.checksum if judge else self.checksums[name]
        if hashlib.sha256(content.data).hexdigest() != expected:
            raise WeightsError(f"{name} has arrived with another checksum.")
        _write(content, judge.here() if judge else self._cache() / name)

    def _cache(self) -> Path:
        told = "".join(self.checksums[name] for name in sorted(self.checksums))
        digest = hashlib.sha256(told.encode()).hexdigest()[:16]
        return _cache() / f"{self.entry.name}-{digest}"

    def _lacking(self, folder: Path) -> list[str]:
        return [
            name for name, checksum in self.checksums.items() if not _is(folder / name, checksum)
        ]


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "imagine" / "weights"


def _is(path: Path, checksum: str) -> bool:
    """Whether the file exists with this checksum."""
    return path.is_file() and weights.sha256(path) == checksum


def _write(content: Content, path: Path) -> None:
    """Raises WeightsError on failure."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may write it at once: each to its own file, and the last one remains.
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        with os.fdopen(handle, "wb") as out:
            out.write(content.data)
        os.replace(draft, path)
    except OSError as error:
        raise WeightsError(
            f"{path.parent} cannot be written: {error.strerror or error}."
        ) from error
