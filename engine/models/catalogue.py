"""The available models, and the sources of their files: `catalogue.toml`, read once."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_name("catalogue.toml")


class WeightsError(Exception):
    """One sentence for the host: which file is missing or damaged, and what repairs it."""


@dataclass(frozen=True, slots=True)
class Download:
    """A published file: its size in bytes, its SHA-256, and all URLs that have it.

    Size and checksum are None if nobody has published them. Then the checksum of the first download
    is stored next to the file, and checked from then on.
    """

    name: str
    size: int | None
    sha256: str | None
    licence: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A model: the names of its files, and their sources if they are not embedded.

    `config` is taming's YAML, and `vqgan` the weights of the network that it describes; `clip` is a
    CLIP with OpenAI's names. Some models have a `prior`, which samples images for that CLIP, and an
    `upscaler`, which enlarges finished images. `side` is the default width and height of an image
    in pixels; both must be multiples of the VQGAN's `factor`. `steps` is the default number of
    steps, in Discord and on the command line. `memory` is the GB (10⁹ bytes) that the engine needs
    to render one such image in float32: measured on a CPU with random weights of the same shapes,
    and rounded up to half a GB.
    """

    name: str
    about: str
    side: int
    factor: int
    steps: int
    memory: float
    config: str
    vqgan: str
    clip: str
    downloads: tuple[Download, ...] = ()
    prior: str | None = None
    upscaler: str | None = None

    @property
    def embedded(self) -> bool:
        """Whether the files come with the source code."""
        return not self.downloads

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.config, self.vqgan, self.clip, self.prior, self.upscaler)))

    @property
    def fix_command(self) -> str:
        """The command that restores missing or damaged files."""
        if self.embedded:
            return f"git checkout -- engine/models/{self.name}"
        return f"python -m engine weights pull {self.name}"

    def folder(self, data_dir: Path) -> Path:
        """Where the files are: next to this module if embedded, otherwise in the data folder."""
        return (DATA.parent if self.embedded else data_dir / "weights") / self.name


def find(name: str) -> Entry:
    """Raises WeightsError for a name that is not in the catalogue."""
    if name not in CATALOGUE:
        *most, last = CATALOGUE
        raise WeightsError(f"There is no model {name!r}; there are {', '.join(most)} and {last}.")
    return CATALOGUE[name]


def _read() -> dict[str, Entry]:
    data = tomllib.loads(DATA.read_text(encoding="utf-8"))

    def download(fields: dict[str, Any]) -> Download:
        return Download(
            fields["name"],
            fields.get("size"),
            fields.get("sha256"),
            data["licences"][fields["licence"]],
            tuple(fields["sources"]),
        )

    shared = [download(fields) for fields in data["shared"]]
    entries = {}
    for model in data["model"]:
        downloads = [download(fields) for fields in model.pop("downloads", [])]
        downloads += [file for file in shared if file.name in model.values()]
        entries[model["name"]] = Entry(**model, downloads=tuple(downloads))
    return entries


CATALOGUE = _read()
