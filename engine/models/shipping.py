"""A pair's files on machines that lack them: what must be there, by checksum, and where it goes."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.models import weights
from engine.models.catalogue import Entry, WeightsError

Content = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A pair's files and the SHA-256 of each, by name, as the engine's machine has them."""

    entry: Entry
    checksums: dict[str, str]

    @classmethod
    def of(cls, entry: Entry, data_dir: Path) -> "Manifest":
        """Of the files of this machine. Raises WeightsError when one is missing or damaged."""
        return cls(entry, weights.checksums(entry, entry.folder(data_dir)))

    def folder(self, data_dir: Path) -> Path:
        """Where this machine has, or is to have, the files: its own folder if that is whole.

        Else a cache named after what is in it, so that other weights never take its place.
        """
        own = self.entry.folder(data_dir)
        return self._cache() if self._lacking(own) else own

    def lacking(self, data_dir: Path) -> list[str]:
        """The names of files that this machine has to be sent. Reads every byte."""
        return self._lacking(self.folder(data_dir))

    def read(self, name: str, data_dir: Path) -> Content:
        """The bytes of a file of this machine."""
        return np.fromfile(self.entry.folder(data_dir) / name, np.uint8)

    def receive(self, name: str, content: Content) -> None:
        """Puts a file that was sent into the cache. Raises WeightsError if it is not the file."""
        if hashlib.sha256(content.data).hexdigest() != self.checksums[name]:
            raise WeightsError(f"{name} has arrived with another checksum.")
        cache = self._cache()
        try:
            cache.mkdir(parents=True, exist_ok=True)
            # Several processes of a machine may write it at once: each its own, the last remains.
            handle, draft = tempfile.mkstemp(dir=cache, prefix=f"{name}.")
            with os.fdopen(handle, "wb") as out:
                out.write(content.data)
            os.replace(draft, cache / name)
        except OSError as error:
            raise WeightsError(f"{cache} cannot be written: {error.strerror or error}.") from error

    def _cache(self) -> Path:
        told = "".join(self.checksums[name] for name in sorted(self.checksums))
        digest = hashlib.sha256(told.encode()).hexdigest()[:16]
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(home) / "imagine" / "weights" / f"{self.entry.name}-{digest}"

    def _lacking(self, folder: Path) -> list[str]:
        return [
            name
            for name, checksum in self.checksums.items()
            if not (folder / name).is_file() or weights.sha256(folder / name) != checksum
        ]
