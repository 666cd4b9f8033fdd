"""Which pairs there are, and where their files come from.

About the published files: the addresses are those that the projects' own documentation, the usual
VQGAN-CLIP programs and the mirrors of pytti name. OpenAI publishes its checksum within the address.
The authors of the VQGANs publish none; the checksums here are what other projects recorded for the
same files: several for `imagenet` and `gumbel`, the two mirrors of pytti for `coco` and `wikiart`,
one of them for `faces`, and nobody for `imagenet-1024`. Those of three of the YAMLs agree with
their text as it is printed elsewhere (see the tests). The mirrors need no trust: what does not
match the checksum is thrown away.

COCO's and WikiArt's VQGANs are published by themselves, the one for faces within the transformer
that was trained on its codes: `checkpoints.py` reads both.
"""

from dataclasses import dataclass
from pathlib import Path


class WeightsError(Exception):
    """One sentence for the host: which file is missing or damaged, and what mends it."""


@dataclass(frozen=True, slots=True)
class Download:
    """A published file: its size in bytes, its checksum, and every address that has it.

    Size and checksum are None where nobody published them: there the checksum of what came first is
    kept beside the file, and checked from then on.
    """

    name: str
    size: int | None
    sha256: str | None
    licence: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A pair: the names of its files, and where they come from if they are not embedded.

    `config` is taming's YAML and `vqgan` the weights it describes; `clip` is a CLIP in OpenAI's
    names; `prior` is what draws for that CLIP, where there is one. `side` is how many
    pixels a picture has on each side unless the recipe says otherwise. `memory` is how many GB (10⁹
    bytes) the engine takes to paint one such picture in float32, as measured on a processor with
    random weights of the same shape; rounded up to half a GB.
    """

    name: str
    about: str
    side: int
    memory: float
    config: str
    vqgan: str
    clip: str
    mend: str
    downloads: tuple[Download, ...] = ()
    prior: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.config, self.vqgan, self.clip, self.prior)))

    def folder(self, data_dir: Path) -> Path:
        """Where the files lie: beside this module when embedded, else among the host's data."""
        embedded = not self.downloads
        return Path(__file__).parent / self.name if embedded else data_dir / "weights" / self.name


SKETCH = Entry(
    name="sketch",
    about="small, embedded; paints shapes, colours and simple landscapes on any processor",
    side=64,
    memory=1.0,
    config="vqgan.yaml",
    vqgan="vqgan.safetensors",
    clip="clip.safetensors",
    prior="prior.safetensors",
    mend="git checkout -- engine/models/sketch",
)

_HEIDELBERG = "https://heibox.uni-heidelberg.de"
_PYTTI = "https://huggingface.co/Somnai/pytti-vqgan-checkpoints/resolve"
_PYTTI_AT = f"{_PYTTI}/debc22c8f285c7734980c464ff992d335dde6e9a"
_PYTTI_PORTABLE = "https://huggingface.co/pxlpshr/pytti-models/resolve/main"
_FEED_FORWARD = "https://github.com/mehdidc/feed_forward_vqgan_clip/releases/download/0.1"
_PIXRAY = "https://github.com/pixray/pixray/releases/download/v1.7.1"
_KOOFR = "https://app.koofr.net/content/links/a04deec9-0c59-4673-8b37-3d696fe63a5d/files/get"
_TAMING_LICENCE = "MIT for the code; its authors state no terms of their own for the weights"
_WIKIART_LICENCE = "none stated: trained by members of the VQGAN-CLIP community, with MIT code"

_CLIP_SHA256 = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
_VIT_B_32 = Download(
    name="ViT-B-32.pt",
    size=353_976_522,
    sha256=_CLIP_SHA256,
    licence="MIT",
    sources=(
        f"https://openaipublic.azureedge.net/clip/models/{_CLIP_SHA256}/ViT-B-32.pt",
        f"{_PYTTI_PORTABLE}/clip/{_CLIP_SHA256}/ViT-B-32.pt",
    ),
)


def _full_size(name: str, about: str, memory: float, config: Download, vqgan: Download) -> Entry:
    """A VQGAN in one of taming's forms, with OpenAI's ViT-B/32."""
    return Entry(
        name=name,
        about=f"{about}, and CLIP ViT-B/32; wants a GPU",
        side=256,
        memory=memory,
        config=config.name,
        vqgan=vqgan.name,
        clip=_VIT_B_32.name,
        mend=f"python -m engine weights pull {name}",
        downloads=(config, vqgan, _VIT_B_32),
    )


def _yaml(size: int | None, sha256: str | None, licence: str, *sources: str) -> Download:
    return Download("model.yaml", size, sha256, licence, sources)


def _checkpoint(size: int | None, sha256: str | None, licence: str, *sources: str) -> Download:
    return Download("last.ckpt", size, sha256, licence, sources)


IMAGENET = _full_size(
    "imagenet",
    "VQGAN f16 with 16,384 codes, which paints anything",
    4.0,
    _yaml(
        692,
        "00e2c6189926f1d89ecfef73e9598db77981c1982f0555fbade963ffd16143c7",
        _TAMING_LICENCE,
        f"{_HEIDELBERG}/f/274fb24ed38341bfa753/?dl=1",
        f"{_HEIDELBERG}/d/a7530b09fed84f80a887/files/?p=%2Fconfigs%2Fmodel.yaml&dl=1",
        f"{_PYTTI_AT}/imagenet/imagenet.yaml",
        f"{_PYTTI_PORTABLE}/vqgan/imagenet.yaml",
        f"{_FEED_FORWARD}/vqgan_imagenet_f16_16384.yaml",
    ),
    _checkpoint(
        980_092_370,
        "845a68805098cb666420d5db93df53f3a3b6dd443e6dd85c05759c5b998cd663",
        _TAMING_LICENCE,
        f"{_HEIDELBERG}/f/867b05fc8c4841768640/?dl=1",
        f"{_HEIDELBERG}/d/a7530b09fed84f80a887/files/?p=%2Fckpts%2Flast.ckpt&dl=1",
        f"{_PYTTI_AT}/imagenet/imagenet.ckpt",
        f"{_PYTTI_PORTABLE}/vqgan/imagenet.ckpt",
        f"{_FEED_FORWARD}/vqgan_imagenet_f16_16384.ckpt",
    ),
)

IMAGENET_1024 = _full_size(
    "imagenet-1024",
    "VQGAN f16 with 1,024 codes, coarser than imagenet",
    4.0,
    _yaml(
        None,
        None,
        _TAMING_LICENCE,
        f"{_HEIDELBERG}/f/6ecf2af6c658432c8298/?dl=1",
        f"{_HEIDELBERG}/d/8088892a516d4e3baf92/files/?p=%2Fconfigs%2Fmodel.yaml&dl=1",
    ),
    _checkpoint(
        None,
        None,
        _TAMING_LICENCE,
        f"{_HEIDELBERG}/f/140747ba53464f49b476/?dl=1",
        f"{_HEIDELBERG}/d/8088892a516d4e3baf92/files/?p=%2Fckpts%2Flast.ckpt&dl=1",
    ),
)

GUMBEL = _full_size(
    "gumbel",
    "VQGAN f8 with 8,192 Gumbel codes, trained on OpenImages, with the finest detail",
    4.5,
    _yaml(
        745,
        "91110bab325067b37f85d1e75895a837d59c292bae4f3097f80c518714d5caff",
        _TAMING_LICENCE,
        f"{_HEIDELBERG}/f/b24d14998a8d4f19a34f/?dl=1",
        f"{_HEIDELBERG}/d/2e5662443a6b4307b470/files/?p=%2Fconfigs%2Fmodel.yaml&dl=1",
        f"{_PYTTI_AT}/openimages/openimages.yaml",
        f"{_PYTTI_PORTABLE}/vqgan/openimages.yaml",
    ),
    _checkpoint(
        376_581_823,
        "5cd6c74810ab97e00e942c25403f73afc081e8b19987b31ec0d9ff5b68e7ab14",
        _TAMING_LICENCE,
        f"{_HEIDELBERG}/f/34a747d5765840b5a99d/?dl=1",
        f"{_HEIDELBERG}/d/2e5662443a6b4307b470/files/?p=%2Fckpts%2Flast.ckpt&dl=1",
        f"{_PYTTI_AT}/openimages/openimages.ckpt",
        f"{_PYTTI_PORTABLE}/vqgan/openimages.ckpt",
    ),
)

COCO = _full_size(
    "coco",
    "VQGAN f16 with 8,192 codes, trained on COCO's everyday scenes",
    4.0,
    _yaml(
        458,
        "17d0c2d9fda59eccade2a6070d833804b759dc817da42c2268be8cf1eb047676",
        _TAMING_LICENCE,
        f"{_PYTTI_AT}/coco/coco.yaml",
        f"{_PYTTI_PORTABLE}/vqgan/coco_first_stage.yaml",
        "https://batbot.ai/models/VQGAN/coco_first_stage.yaml",
    ),
    _checkpoint(
        296_030_214,
        "106cc20fde571df14afc4349d62218d8213cf47177c682ecaa78a8c28b12f9de",
        _TAMING_LICENCE,
        f"{_PYTTI_AT}/coco/coco.ckpt",
        f"{_PYTTI_PORTABLE}/vqgan/coco_first_stage.ckpt",
        "https://batbot.ai/models/VQGAN/coco_first_stage.ckpt",
    ),
)

FACES = _full_size(
    "faces",
    "VQGAN f16 with 1,024 codes, trained on faces (CelebA-HQ and FFHQ)",
    4.0,
    _yaml(
        None,
        "726ca97fb266c3c744f26e5aba2e579a51e310eee711a15f22224031dfdd57e2",
        _TAMING_LICENCE,
        f"{_PYTTI_AT}/faceshq/faceshq.yaml",
        "https://drive.google.com/uc?export=download&id=1fHwGx_hnBtC8nsq7hesJvs-Klv-P0gzT",
    ),
    _checkpoint(
        None,
        "3274bba51bd565c90990bbcf7bb5dad0b9b95a6a77011980afc4c3cfc4d1cad1",
        _TAMING_LICENCE,
        f"{_PYTTI_AT}/faceshq/faceshq.ckpt",
        f"{_KOOFR}/last.ckpt?path=%2F2020-11-13T21-41-45_faceshq_transformer%2Fcheckpoints"
        "%2Flast.ckpt",
    ),
)

WIKIART = _full_size(
    "wikiart",
    "VQGAN f16 with 16,384 codes, trained on paintings (WikiArt)",
    4.0,
    _yaml(
        920,
        "6e78241d2828ff35b8381839ce249c24a6c468ed429760d33a25e98e7f24499a",
        _WIKIART_LICENCE,
        f"{_PYTTI_AT}/wikiart/wikiart.yaml",
        f"{_PYTTI_PORTABLE}/vqgan/wikiart.yaml",
        f"{_PIXRAY}/vqgan_wikiart_16384.yaml",
    ),
    _checkpoint(
        1_005_327_541,
        "bd08bb46301f98be1712bb2be9f8868cea30b53137cd985d4d6e8da8b3e02c36",
        _WIKIART_LICENCE,
        f"{_PYTTI_AT}/wikiart/wikiart.ckpt",
        f"{_PYTTI_PORTABLE}/vqgan/wikiart.ckpt",
        f"{_PIXRAY}/vqgan_wikiart_16384.ckpt",
    ),
)

CATALOGUE: dict[str, Entry] = {
    entry.name: entry for entry in (SKETCH, IMAGENET, IMAGENET_1024, GUMBEL, COCO, FACES, WIKIART)
}


def find(name: str) -> Entry:
    """Raises WeightsError for a name that is not in the catalogue."""
    if name not in CATALOGUE:
        *most, last = CATALOGUE
        raise WeightsError(f"There is no pair {name!r}; there are {', '.join(most)} and {last}.")
    return CATALOGUE[name]
