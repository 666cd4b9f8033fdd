"""The images of all sets, rendered once to square RGBA images and kept as one array on disk."""

import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from training.data.concepts import Concept, concepts, normal_key, slug
from training.data.download import fetch
from training.data.sources import ImageSet, sources

log = logging.getLogger(__name__)

SIDE = 128
"""Pixels on a side of an image that the prior samples."""

LARGE_SIDE = 576
"""Pixels on a side of an image that the upscaler learns from."""

LARGE_SHARE = 12
"""Of the images that are larger than SIDE, one in this many is rendered: they have enough edges to
learn from, and all of them would take 22 GB."""

_LARGEST_FILE = 2_000_000
"""Maximum bytes of a clip-art file; larger ones show many things, and are slow to read."""

_LARGEST_AREA = 4_000_000
"""Maximum pixels of a clip-art file."""

_LARGEST_SHARE = 0.94
"""Share of the image's side that the longer side of a thing fills."""


@dataclass(frozen=True, slots=True)
class Images:
    """`pixels` is (n, side, side, 4) uint8 RGBA; `concept` (n,) and `maker` (n,) are indices.

    No concept names what an image shows if its concept is -1; then it has a title.
    """

    pixels: NDArray[np.uint8]
    concept: NDArray[np.int64]
    maker: NDArray[np.int64]
    titles: list[str]
    makers: list[str]
    concepts: list[Concept]

    def of(self, *makers: str) -> NDArray[np.int64]:
        """Indices of the images by these makers."""
        wanted = [self.makers.index(maker) for maker in makers]
        return np.flatnonzero(np.isin(self.maker, wanted))


def load_images(cache: Path, side: int = SIDE) -> Images:
    """The images, `side` × `side`; renders them if the cache has none, or those of other sets.

    All images of SIDE, and a LARGE_SHARE-th of those of other sides.
    """
    index = cache / f"images-{side}.json"
    table = json.loads(index.read_text()) if index.exists() else {}
    if table.get("packages") != _packages():
        _render_all(cache, side)
        table = json.loads(index.read_text())
    emojibase = fetch(sources().find("emojibase"), cache)
    every = concepts(emojibase)
    by_title = {title: i for i, concept in enumerate(every) for title in concept.titles}
    concept = [
        by_title.get(title, found)
        for title, found in zip(table["titles"], table["concept"], strict=True)
    ]
    return Images(
        pixels=np.load(index.with_suffix(".npy"), mmap_mode="r"),
        concept=np.array(concept),
        maker=np.array(table["maker"]),
        titles=table["titles"],
        makers=table["makers"],
        concepts=every,
    )


def _packages() -> list[str]:
    """The checksums of the sets' packages."""
    return [image_set.sha256 for image_set in sources().images]


def _render_all(cache: Path, side: int) -> None:
    emojibase = fetch(sources().find("emojibase"), cache)
    every = concepts(emojibase)
    # Some sets omit the zero-width joiners.
    number = {concept.key.replace("-200d", ""): i for i, concept in enumerate(every)}
    number |= {concept.key: i for i, concept in enumerate(every)}
    folders = {image_set.name: fetch(image_set, cache) for image_set in sources().images}
    names = _names(every, folders)
    pixels: list[NDArray[np.uint8]] = []
    concept: list[int] = []
    maker: list[int] = []
    titles: list[str] = []
    makers = [image_set.name for image_set in sources().images]
    share, seen = 1 if side == SIDE else LARGE_SHARE, 0
    for place, image_set in enumerate(sources().images):
        count = len(pixels)
        for key, title, load in _images(image_set, folders[image_set.name], names, side):
            which = number.get(key, -1)
            if which < 0 and not title:
                continue
            seen += 1
            if seen % share:
                continue
            if (framed := _framed(load(), side)) is not None:
                pixels.append(framed)
                concept.append(which)
                maker.append(place)
                titles.append(title)
        log.info("%s: %d images", image_set.name, len(pixels) - count)
    index = cache / f"images-{side}.json"
    np.save(index.with_suffix(".npy"), np.stack(pixels))
    table = {
        "packages": _packages(),
        "concept": concept,
        "maker": maker,
        "titles": titles,
        "makers": makers,
    }
    index.write_text(json.dumps(table))


def _names(every: list[Concept], folders: dict[str, Path]) -> dict[str, str]:
    """Concept keys by the slugs under which icon sets list them."""
    names: dict[str, str] = {}
    for folder in folders.values():
        chars = folder / "package" / "chars.json"
        if chars.exists():
            for code, name in json.loads(chars.read_text()).items():
                names.setdefault(slug(name), normal_key(code))
    names |= {slug(concept.name): concept.key for concept in every}
    for folder in folders.values():
        icons = folder / "package" / "icons.json"
        if icons.exists():
            for alias, entry in json.loads(icons.read_text()).get("aliases", {}).items():
                known = names.get(slug(entry["parent"])) or names.get(slug(alias))
                if known:
                    names.setdefault(slug(alias), known)
                    names.setdefault(slug(entry["parent"]), known)
    return names


_Found = tuple[str, str, Callable[[], Image.Image]]
"""Concept key or "", title of its own or "", and what loads the image."""


def _images(
    image_set: ImageSet, folder: Path, names: dict[str, str], side: int
) -> Iterator[_Found]:
    """The images of a set; drawings are rendered `side` wide."""
    if image_set.registry == "npm" and (folder / "package" / "icons.json").exists():
        yield from _icons(folder / "package", names, side)
    elif image_set.registry == "npm":
        package = folder / "package"
        paths = [*package.glob("assets/*.webp"), *package.glob("png/128/*.png")]
        for path in sorted(paths):
            yield normal_key(path.stem), "", partial(Image.open, path)
    elif image_set.name == "openclipart":
        yield from _clip_art(folder, names)
    else:
        yield from _stamps(folder, names)


def _icons(package: Path, names: dict[str, str], side: int) -> Iterator[_Found]:
    table = json.loads((package / "icons.json").read_text())
    chars = package / "chars.json"
    codes = (
        {name: normal_key(code) for code, name in json.loads(chars.read_text()).items()}
        if chars.exists()
        else {}
    )
    for name, icon in table["icons"].items():
        bare = re.sub(r"-\d+$", "", name)
        key = codes.get(name) or names.get(slug(name)) or names.get(slug(bare))
        if key is None:
            continue
        width = icon.get("width", table.get("width", 16))
        height = icon.get("height", table.get("height", 16))
        left, top = icon.get("left", 0), icon.get("top", 0)
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
            f' viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
        )
        yield key, "", partial(_rendered, svg, side)


def _rendered(svg: str, side: int) -> Image.Image:
    return Image.open(
        io.BytesIO(resvg_py.svg_to_bytes(svg_string=svg, width=side, skip_system_fonts=True))
    )


_NO_THINGS = re.compile(
    r"shapes/|computer/(icons|buttons)|signs_and_symbols/|special/|flags|aiga|roadsigns"
    r"|playing|cards/|unsorted|geography|logos|buttons|callouts|flowchart|patterns"
)


def _clip_art(folder: Path, names: dict[str, str]) -> Iterator[_Found]:
    root = folder / "usr/share/openclipart/png"
    for path in sorted(root.rglob("*.png")):
        if _NO_THINGS.search(path.relative_to(root).as_posix()):
            continue
        title = _title(path.stem)
        if not title:
            continue
        if path.stat().st_size > _LARGEST_FILE:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            try:
                opened = Image.open(path)
                if opened.width * opened.height > _LARGEST_AREA:
                    continue
                image = opened.convert("RGBA")
            except (OSError, ValueError, Image.DecompressionBombError):
                continue
        words = title.split()
        for candidate in (title, " ".join(words[:2]), words[0], words[-1]):
            if key := names.get(slug(candidate)):
                break
        else:
            key = ""
        yield key, title, image.copy


_NOISE = frozenset(
    [
        "architetto",
        "architet",
        "archite",
        "arch",
        "ar",
        "architetto",
        "franc",
        "francesco",
        "rollandin",
        "rol",
        "ro",
        "remix",
        "the",
        "of",
        "a",
        "an",
        "and",
        "with",
        "von",
        "de",
        "ganson",
        "jakub",
        "steiner",
        "clipart",
        "icon",
        "simple",
        "v",
        "small",
        "big",
        "new",
    ]
)


def _title(stem: str) -> str:
    """`tree_gerald_g._01` → `tree`: the words of a file name before the artist's name."""
    words = [word for word in re.split(r"[_\-.\s]+", stem.lower()) if word.isalpha()]
    kept = []
    for word in words:
        if word in _NOISE or len(word) < 3:
            break
        kept.append(word)
    return " ".join(kept[:2])


def _stamps(folder: Path, names: dict[str, str]) -> Iterator[_Found]:
    root = folder / "usr/share/tuxpaint/stamps"
    for path in sorted(root.rglob("*.png")):
        text = path.with_suffix(".txt")
        if path.stem.endswith(("_mirror", "_flip")) or not text.exists():
            continue
        title = text.read_text(errors="replace").splitlines()[0].strip(" .!")
        title = re.sub(r"^(an?|the|some) ", "", title.lower())
        words = title.split()
        key = names.get(slug(title)) or names.get(slug(words[-1] if words else ""), "")
        yield key, title, partial(Image.open, path)


def _framed(image: Image.Image, side: int) -> NDArray[np.uint8] | None:
    """The image cropped to its content, centred and scaled; None if it is empty."""
    image = image.convert("RGBA")
    if (box := image.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox()) is None:
        return None
    image = image.crop(box)
    scale = _LARGEST_SHARE * side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    premultiplied = image.convert("RGBa").resize(size, Image.Resampling.LANCZOS)
    frame = Image.new("RGBA", (side, side))
    frame.paste(premultiplied.convert("RGBA"), ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(frame)
