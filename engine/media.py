"""Images as files: PNGs with their recipe, frames, previews and timelapses.

Everything here blocks: call it in a thread.
"""

import errno
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Self

import av
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydantic import BaseModel, ConfigDict, Field, Json, model_validator

from core.film import FRAMES_PER_SECOND
from core.prompts import format_prompts, weight_text
from core.recipe import ImagePrompt, Recipe
from core.storage.files import write_atomic
from core.storage.uploaded_images import MAX_BYTES, ImageError
from engine.inpainting import Inpainting
from engine.upscaling import SHOWN_SIDE, enlarged, upscaled

MAX_UPLOAD = 10 * 2**20  #: bytes; Discord's default limit for a file
LINGER_SECONDS = 2  #: how long a timelapse shows the final image
CONSTANT_QUALITY = 18.0  #: x264's CRF; 18 is visually lossless

MAX_METADATA = 2**16  #: characters of a PNG text chunk; longer ones are rejected

PACKAGES = (
    "imagine",
    "torch",
    "clip-anytorch",
    "open_clip_torch",
    "taming-transformers-rom1504",
    "pillow",
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What rendered an image: the model, and the SHA-256 of each of its files."""

    model: str
    checksums: dict[str, str]


Short = Annotated[str, Field(pattern=r"^[ -~]{0,100}$")]


class Metadata(BaseModel):
    """The metadata that `png` writes, parsed from an untrusted file."""

    model_config = ConfigDict(frozen=True)

    recipe: Json[Recipe]
    row: Annotated[int, Field(ge=0)]
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    weights: Json[dict[Short, Short]]
    versions: Json[dict[Short, Short]]

    @model_validator(mode="after")
    def _of_this_recipe(self) -> Self:
        if self.row >= self.recipe.count:
            raise ValueError("the recipe has no such row")
        return self

    def differences(self, made_by: Provenance) -> Iterator[str]:
        """Yields a sentence per file and package that has changed since the image was rendered."""
        for name in sorted(self.weights.keys() | made_by.checksums.keys()):
            if self.weights.get(name) != made_by.checksums.get(name):
                yield f"{name} is not the file that was used then."
        now = dict(_versions())
        for name in sorted(self.versions.keys() | now.keys()):
            if (before := self.versions.get(name, "missing")) != now.get(name, "missing"):
                yield f"{name} was {before} then and is {now.get(name, 'missing')} now."


def read_metadata(path: Path) -> Metadata:
    """Reads the metadata of a PNG that `png` made, without decoding its pixels.

    Raises ImageError for any other file, and OSError if it can't be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ImageError(f"{path} is too large: {MAX_BYTES // 2**20} MB is the limit.")
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            found = {name: image.info.get(name) for name in Metadata.model_fields}
            found["model"] = found["model"] or image.info.get("pair")  # the key until 2026
    except Exception as error:  # a hostile file may raise anything in a decoder
        raise ImageError(f"{path} is not a PNG, or it is broken.") from error
    if found["recipe"] is None:
        raise ImageError(
            f"{path} holds no recipe: Imagine did not make it, or its metadata was removed."
        )
    try:
        if any(len(text or "") > MAX_METADATA for text in found.values()):
            raise ValueError("too long")
        return Metadata.model_validate(found)
    except ValueError as error:  # including pydantic's ValidationError
        raise ImageError(
            f"The recipe in {path} cannot be read: it is damaged, or from a newer version."
        ) from error


def tile_preview(path: Path) -> bytes:
    """A WebP of the image in a file, repeated two by two, to show whether its edges match."""
    with Image.open(path) as image:
        shown = side_by_side([image.convert("RGB")] * 4)
    shown.thumbnail((2 * SHOWN_SIDE, 2 * SHOWN_SIDE))
    buffer = io.BytesIO()
    shown.save(buffer, "WEBP", quality=85, method=2)
    return buffer.getvalue()


def side_by_side(images: Sequence[Image.Image]) -> Image.Image:
    """A grid of images of the same size, two per row; an empty cell is white."""
    if len(images) == 1:
        return images[0]
    width, height = images[0].size
    sheet = Image.new("RGB", (width * 2, height * math.ceil(len(images) / 2)), "white")
    for index, image in enumerate(images):
        sheet.paste(image, (index % 2 * width, index // 2 * height))
    return sheet


def preview(images: Sequence[Image.Image]) -> bytes:
    """A frame for Discord: a small WebP of the grid, enlarged."""
    buffer = io.BytesIO()
    enlarged(side_by_side(images)).save(buffer, "WEBP", quality=85, method=2)
    return buffer.getvalue()


def frame(images: Sequence[Image.Image]) -> bytes:
    """A frame for the timelapse: a lossless WebP of the grid at its rendered size.

    Fast to write while rendering; it is enlarged for the video.
    """
    buffer = io.BytesIO()
    side_by_side(images).save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return buffer.getvalue()


def png(
    image: Image.Image,
    recipe: Recipe,
    row: int,
    made_by: Provenance,
    scores: Mapping[str, Any] | None = None,
    images: Mapping[str, Image.Image] = MappingProxyType({}),
) -> bytes:
    """A PNG of a final image, with everything needed to render it again in iTXt chunks.

    In the metadata, `recipe` is JSON, `row` the index of the image in the recipe (0, 1, …), `seed`
    the seed of this image, and `parameters` a text for people; `weights`, `versions` and `scores`
    are JSON objects. `read_metadata` reads them back. `images` maps names in the recipe to images;
    if the recipe repaints a part of one, the rest is taken from there.
    """
    chunks = PngInfo()
    texts = {
        "Software": "Imagine",
        "parameters": _parameters(recipe, row, made_by),
        "recipe": recipe.model_dump_json(),
        "row": str(row),
        "seed": str(recipe.seeds[row]),
        "model": made_by.model,
        "weights": json.dumps(made_by.checksums),
        "versions": json.dumps(dict(_versions())),
    }
    if scores:
        texts["scores"] = json.dumps(scores)
    for key, text in texts.items():
        chunks.add_itxt(key, text)
    buffer = io.BytesIO()
    shown = upscaled(image, made_by.model, recipe.tile, recipe.symmetry)
    if inpainting := Inpainting.of(recipe, images, shown.size):
        shown = inpainting.composite(shown)
    shown.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def write_timelapse(path: Path, frames: Sequence[Path]) -> None:
    """Writes a video of the frames that ends with a still of the last one. Raises OSError."""
    write_video(path, [*frames, *[frames[-1]] * (LINGER_SECONDS * FRAMES_PER_SECOND)])


def write_video(path: Path, frames: Sequence[Path]) -> None:
    """Writes the frames as an MP4 (H.264) that can be streamed and fits Discord's limit.

    The write is atomic. Raises OSError.
    """
    seconds = max(1, len(frames) / FRAMES_PER_SECOND)
    # Half the limit: the encoder keeps the rate only on average, and the container adds overhead.
    rate = int(MAX_UPLOAD * 8 / 2 / seconds)
    write_atomic(path, lambda temporary: _encode(temporary, frames, rate))


def _parameters(recipe: Recipe, row: int, made_by: Provenance) -> str:
    prompts = {
        "include": format_prompts(recipe.include),
        "include images": _named(recipe.include_images),
        "exclude": format_prompts(recipe.exclude),
        "exclude images": _named(recipe.exclude_images),
    }
    lines = [f"{side}: {texts}" for side, texts in prompts.items() if texts]
    numbers = f"size: {recipe.size}, steps: {recipe.steps}, seed: {recipe.seeds[row]}"
    if recipe.initial:
        numbers += f", initial image: {recipe.initial}"
        numbers += "" if recipe.repaint else f", strength: {recipe.strength:g}"
    if repaint := recipe.repaint:
        mask = f"mask {repaint.mask.name}" if repaint.mask else repaint.move
        part = ", ".join(map(str, repaint.regions)) or mask
        numbers += f", repaint: {part}"
    if (source := recipe.source) is not None:
        numbers += f", from job: {source.job}, image: {source.row + 1}, spread: {source.spread:g}"
    if film := recipe.film:
        numbers += f", film: {film.motion}, frames: {film.frames} of {film.frame_steps} steps"
    if recipe.tile:
        numbers += f", tile: {recipe.tile}"
    if recipe.symmetry:
        numbers += f", symmetry: {recipe.symmetry}"
    if recipe.palette:
        numbers += f", palette: {' '.join(recipe.palette)}"
    if recipe.preset:
        numbers += f", preset: {recipe.preset}"
    return "\n".join([*lines, f"{numbers}, model: {made_by.model}"])


def _named(prompts: Sequence[ImagePrompt]) -> str:
    return " | ".join(f"{prompt.name}:{weight_text(prompt.weight)}" for prompt in prompts)


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # run from a folder that was never installed
            yield name, version(name)


def _encode(path: Path, frames: Sequence[Path], rate: int) -> None:
    """H.264 at constant quality, with at most `rate` bits per second."""
    with Image.open(frames[-1]) as last:
        shown = enlarged(last)
        width, height = shown.width // 2 * 2, shown.height // 2 * 2  # 4:2:0 halves both sides
    options = {
        "crf": f"{CONSTANT_QUALITY:g}",
        "preset": "veryfast",
        "maxrate": str(rate),
        "bufsize": str(rate),
    }
    try:
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for index, image in enumerate(_video_images(frames, (width, height))):
                frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_SECOND)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        # PyAV's system errors are not plain OSErrors.
        raise OSError(error.errno or errno.EIO, error.strerror or str(error)) from error


def _video_images(frames: Sequence[Path], size: tuple[int, int]) -> Iterator[Image.Image]:
    for path, group in groupby(frames):  # a timelapse ends with one frame many times
        with Image.open(path) as image:
            shown = enlarged(image.convert("RGB")).crop((0, 0, *size))
        yield from (shown for _ in group)
