"""Thumbnails of a job's images, for lists."""

import io
from pathlib import Path

import structlog
from PIL import Image

from core.storage.paths import finished_images

log = structlog.stdlib.get_logger(__name__)

SIDE = 160  #: pixels


def thumbnail(folder: Path) -> bytes | None:
    """The first images of a job, up to two by two, as a small WebP; None if there are none."""
    paths = finished_images(folder)[:4]
    columns = 1 if len(paths) == 1 else 2
    try:
        images = []
        for path in paths:
            with Image.open(path, formats=["PNG"]) as opened:
                images.append(opened.convert("RGB"))
        if not images:
            return None
        for image in images:
            image.thumbnail((SIDE // columns, SIDE // columns))
    except (OSError, SyntaxError, ValueError) as error:
        log.warning("thumbnail failed", folder=str(folder), error=str(error))
        return None
    width, height = images[0].size
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (width * columns, height * rows), "white")
    for index, image in enumerate(images):
        sheet.paste(image, (index % columns * width, index // columns * height))
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()
