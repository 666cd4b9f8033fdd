"""Files of weights on machines that lack them: what must be there, by checksum, and where it goes.

They are those of a pair, and of the models of open_clip that judge what it paints.
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
    """A model of open_clip: its file on the engine's machine, and the SHA-256 of that."""

    path: Path
    checksum: str

    def here(self) -> Path:
        """Where this machine has the file, or is to have it: in its cache, if the path has none."""
        return self.path if _is(self.path, self.checksum) else self._cached()

    def _cached(self) -> Path:
        # Its name last: open_clip tells the kinds of files by their endings.
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
        """Of the files of this machine. Raises WeightsError when one is missing or damaged."""
        judges = {}
        for choice in perceptors:
            if model := choice.of_open_clip:
                path = find_open_clip(*model).absolute()
                judges[choice.name] = Judge(path, weights.sha256(path))
        return cls(entry, weights.checksums(entry, entry.folder(data_dir)), judges)

    def folder(self, data_dir: Path) -> Path:
        """Where this machine has, or is to have, the files: its own folder if that is whole.

        Else a cache named after what is in it, so that other weights never take its place.
        """
        own = self.entry.folder(data_dir)
        return self._cache() if self._lacking(own) else own

    def lacking(self, data_dir: Path) -> list[str]:
        """The names of files that this machine has to be sent. Reads every byte."""
        judges = [
            name for name, judge in self.judges.items() if not _is(judge.here(), judge.checksum)
        ]
        return self._lacking(self.folder(data_dir)) + judges

    def read(self, name: str, data_dir: Path) -> Content:
        """The bytes of a file of this machine, where the manifest was made."""
        judge = self.judges.get(name)
        return np.fromfile(judge.path if judge else self.entry.folder(data_dir) / name, np.uint8)

    def receive(self, name: str, content: Content) -> None:
        """Puts a file that was sent into the cache. Raises WeightsError if it is not the file."""
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
    """Whether the very file is there."""
    return path.is_file() and weights.sha256(path) == checksum


def _write(content: Content, path: Path) -> None:
    """Raises WeightsError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several processes of a machine may write it at once: each its own, the last remains.
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        with os.fdopen(handle, "wb") as out:
            out.write(content.data)
        os.replace(draft, path)
    except OSError as error:
        raise WeightsError(
            f"{path.parent} cannot be written: {error.strerror or error}."
        ) from error
