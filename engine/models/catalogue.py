"""Which pairs there are, and where their files come from.

About the published files: the addresses are those that the projects' own documentation and the
usual VQGAN-CLIP programs name. OpenAI publishes its checksum within the address. The authors of
the VQGAN publish none; the checksums here are what several independent projects recorded for the
same files, and the one of `model.yaml` agrees with its text as it is printed elsewhere (see the
tests). The mirrors need no trust: what does not match the checksum is thrown away.
"""

from dataclasses import dataclass
from pathlib import Path


class WeightsError(Exception):
    """One sentence for the host: which file is missing or damaged, and what mends it."""


@dataclass(frozen=True, slots=True)
class Download:
    """A published file: its size in bytes, its checksum, and every address that has it."""

    name: str
    size: int
    sha256: str
    licence: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A pair: the names of its three files, and where they come from if they are not embedded.

    `config` is taming's YAML and `vqgan` the weights it describes; `clip` is a CLIP in OpenAI's
    names. `side` is how many pixels a picture has on each side unless the recipe says otherwise.
    """

    name: str
    about: str
    side: int
    config: str
    vqgan: str
    clip: str
    mend: str
    downloads: tuple[Download, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        return self.config, self.vqgan, self.clip

    def folder(self, data_dir: Path) -> Path:
        """Where the files lie: beside this module when embedded, else among the host's data."""
        embedded = not self.downloads
        return Path(__file__).parent / self.name if embedded else data_dir / "weights" / self.name


SKETCH = Entry(
    name="sketch",
    about="small, embedded; paints shapes, colours and simple landscapes on any processor",
    side=64,
    config="vqgan.yaml",
    vqgan="vqgan.safetensors",
    clip="clip.safetensors",
    mend="git checkout -- engine/models/sketch",
)

_CLIP_SHA256 = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
_HEIDELBERG = "https://heibox.uni-heidelberg.de"
_PYTTI = "https://huggingface.co/Somnai/pytti-vqgan-checkpoints/resolve"
_PYTTI_AT = f"{_PYTTI}/debc22c8f285c7734980c464ff992d335dde6e9a"
_PYTTI_PORTABLE = "https://huggingface.co/pxlpshr/pytti-models/resolve/main"
_FEED_FORWARD = "https://github.com/mehdidc/feed_forward_vqgan_clip/releases/download/0.1"
_TAMING_LICENCE = "MIT for the code; its authors state no terms of their own for the weights"

IMAGENET = Entry(
    name="imagenet",
    about="VQGAN f16 with 16,384 codes and CLIP ViT-B/32; paints anything, wants a GPU",
    side=256,
    config="model.yaml",
    vqgan="last.ckpt",
    clip="ViT-B-32.pt",
    mend="python -m engine weights pull imagenet",
    downloads=(
        Download(
            name="model.yaml",
            size=692,
            sha256="00e2c6189926f1d89ecfef73e9598db77981c1982f0555fbade963ffd16143c7",
            licence=_TAMING_LICENCE,
            sources=(
                f"{_HEIDELBERG}/f/274fb24ed38341bfa753/?dl=1",
                f"{_HEIDELBERG}/d/a7530b09fed84f80a887/files/?p=%2Fconfigs%2Fmodel.yaml&dl=1",
                f"{_PYTTI_AT}/imagenet/imagenet.yaml",
                f"{_PYTTI_PORTABLE}/vqgan/imagenet.yaml",
                f"{_FEED_FORWARD}/vqgan_imagenet_f16_16384.yaml",
            ),
        ),
        Download(
            name="last.ckpt",
            size=980_092_370,
            sha256="845a68805098cb666420d5db93df53f3a3b6dd443e6dd85c05759c5b998cd663",
            licence=_TAMING_LICENCE,
            sources=(
                f"{_HEIDELBERG}/f/867b05fc8c4841768640/?dl=1",
                f"{_HEIDELBERG}/d/a7530b09fed84f80a887/files/?p=%2Fckpts%2Flast.ckpt&dl=1",
                f"{_PYTTI_AT}/imagenet/imagenet.ckpt",
                f"{_PYTTI_PORTABLE}/vqgan/imagenet.ckpt",
                f"{_FEED_FORWARD}/vqgan_imagenet_f16_16384.ckpt",
            ),
        ),
        Download(
            name="ViT-B-32.pt",
            size=353_976_522,
            sha256=_CLIP_SHA256,
            licence="MIT",
            sources=(
                f"https://openaipublic.azureedge.net/clip/models/{_CLIP_SHA256}/ViT-B-32.pt",
                f"{_PYTTI_PORTABLE}/clip/{_CLIP_SHA256}/ViT-B-32.pt",
            ),
        ),
    ),
)

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in (SKETCH, IMAGENET)}


def find(name: str) -> Entry:
    """Raises WeightsError for a name that is not in the catalogue."""
    if name not in CATALOGUE:
        raise WeightsError(f"There is no pair {name!r}; there are {' and '.join(CATALOGUE)}.")
    return CATALOGUE[name]
