"""The analytic judge: segments figures and compares them with templates of the known shapes.

The background's colour is that of the border, figures are connected regions of other colours, and a
figure's shape is the template that overlaps it best.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from training.data.drawing import outline
from training.data.drawn_scenes import COLOURS, SHAPES

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

MIN_AREA = 0.015
"""A region below this share of the image is a speck, not a figure."""

MIN_OVERLAP = 0.72
"""The minimum overlap (intersection over union) for a figure to have a shape."""

MIN_DISTANCE = 0.10
"""Colours farther than this from the background's, in Oklab, belong to figures."""

MAX_TONE_DISTANCE = 0.2
"""Two tones of the border that are closer than this, in Oklab, are one patterned background."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A figure in an image. `shape` is empty if none overlaps well; `area` is a share, 0 to 1.

    `overlap` is the best template's intersection over union; `x` and `y`, 0 to 1, are the centre.
    """

    colour: str
    shape: str
    overlap: float
    area: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """The background's colour, and the figures from largest to smallest."""

    ground: str
    figures: tuple[Detection, ...]


def analyse(image: Image.Image) -> Analysis:
    """Analyses an RGB image of flat figures, of 32 × 32 to 128 × 128 pixels."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
    lab = oklab(ndimage.median_filter(pixels, size=(3, 3, 1)))
    tones = _ground_tones(lab)
    distance = np.min([np.linalg.norm(lab - tone, axis=-1) for tone in tones], axis=0)
    figures = [
        _detect(region, lab)
        for region in _regions(distance > MIN_DISTANCE, lab)
        if not _is_frame(region)
    ]
    figures.sort(key=lambda figure: -figure.area)
    return Analysis(colour_name(tones[0]), tuple(figures))


# Colour


def oklab(pixels: Floats) -> Floats:
    """sRGB (…, 3) from 0 to 1 to Oklab, in which distances are close to perceived ones.

    Source: Björn Ottosson, "A perceptual color space for image processing" (2020).
    """
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ _TO_CONES.T)
    result: Floats = (cones @ _TO_LAB.T).astype(np.float32)
    return result


_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@cache
def _named_colours() -> Floats:
    values: Floats = np.array(list(COLOURS.values())).astype(np.float32)
    return oklab(values / np.float32(255))


def nearest_colours(lab: Floats) -> NDArray[np.intp]:
    """Indices into COLOURS, for colours (…, 3)."""
    nearest: NDArray[np.intp] = np.linalg.norm(
        lab[..., None, :] - _named_colours(), axis=-1
    ).argmin(-1)
    return nearest


def colour_name(lab: Floats) -> str:
    return list(COLOURS)[int(nearest_colours(lab))]


def _ground_tones(lab: Floats) -> list[Floats]:
    """The border's colour, and a second tone if the background has a pattern of two."""
    frame = np.ones(lab.shape[:2], dtype=bool)
    frame[2:-2, 2:-2] = False
    border = lab[frame]
    first = np.median(border, axis=0)
    second = border[np.linalg.norm(border - first, axis=1).argmax()]
    for _ in range(8):  # 2-means; a plain border's second mean stays with its few outliers
        far = np.linalg.norm(border - first, axis=1) > np.linalg.norm(border - second, axis=1)
        if not far.any() or far.all():
            return [first]
        first, second = np.median(border[~far], axis=0), np.median(border[far], axis=0)
    if far.mean() > 0.5:
        first, second, far = second, first, ~far
    is_pattern = far.mean() > 0.15 and np.linalg.norm(first - second) < MAX_TONE_DISTANCE
    return [first, second] if is_pattern else [first]


# Regions


def _regions(differs: Mask, lab: Floats) -> list[Mask]:
    """Connected regions of one colour each, without specks and with small holes filled."""
    min_size = MIN_AREA * differs.size
    regions = []
    for colour in _split_colours(differs, lab):
        labels, count = ndimage.label(colour)
        sizes = ndimage.sum_labels(colour, labels, range(1, count + 1))
        regions += [
            _fill_small_holes(labels == i) for i, s in enumerate(sizes, start=1) if s >= min_size
        ]
    return regions


def _split_colours(differs: Mask, lab: Floats) -> list[Mask]:
    """Splits the mask where figures of different colours touch.

    Edges blend with the background into other colours, so the colours are taken from inner pixels,
    and each pixel is assigned to the nearest of them.
    """
    inner = ndimage.binary_erosion(differs, border_value=1)
    names, counts = np.unique(nearest_colours(lab[inner]), return_counts=True)
    chosen = names[counts >= MIN_AREA * differs.size]
    if len(chosen) < 2:
        return [differs]
    inner_names = np.where(inner, nearest_colours(lab), -1)
    centres = np.stack([np.median(lab[inner_names == name], axis=0) for name in chosen])
    nearest = np.linalg.norm(lab[..., None, :] - centres, axis=-1).argmin(-1)
    return [ndimage.binary_opening(differs & (nearest == index)) for index in range(len(chosen))]


def _fill_small_holes(region: Mask) -> Mask:
    """Fills holes that are smaller than a ring's."""
    holes, count = ndimage.label(ndimage.binary_fill_holes(region) & ~region)
    sizes = ndimage.sum_labels(holes > 0, holes, range(1, count + 1))
    small = [i for i, size in enumerate(sizes, start=1) if size < 0.08 * region.sum()]
    closed: Mask = region | np.isin(holes, small)
    return closed


def _is_frame(region: Mask) -> bool:
    """Whether the region runs along most of the border: a vignette or a band, not a figure."""
    border = np.concatenate([region[0], region[-1], region[:, 0], region[:, -1]])
    return bool(border.mean() > 0.4)


# Shapes

GRID = 40
REACH = 1.15
"""Half the side of the grid on which shapes are compared, in roots of the shape's area."""

ROTATIONS = {"circle": [0.0], "ring": [0.0], "heart": [-40, -20, 0.0, 20, 40]} | {
    shape: list(np.arange(0, period, 10.0))
    for shape, period in (("square", 90), ("triangle", 120), ("star", 72), ("cross", 90))
}
"""Rotations of the templates in degrees: a shape's whole period, but hearts are nearly upright."""


def _detect(region: Mask, lab: Floats) -> Detection:
    colour = np.median(lab[_inner_pixels(region)], axis=0)
    shape, overlap = best_shape(region)
    y, x = ndimage.center_of_mass(region)
    height, width = region.shape
    return Detection(
        colour=colour_name(colour),
        shape=shape if overlap >= MIN_OVERLAP else "",
        overlap=overlap,
        area=float(region.mean()),
        x=(x + 0.5) / width,
        y=(y + 0.5) / height,
    )


def _inner_pixels(region: Mask) -> Mask:
    inner: Mask = ndimage.binary_erosion(region)
    return inner if inner.any() else region


def best_shape(region: Mask) -> tuple[str, float]:
    """The shape whose template overlaps a region best, and that overlap, from 0 to 1."""
    names, templates = _templates()
    shifts = [(dy, dx) for dy in (-1.5, 0, 1.5) for dx in (-1.5, 0, 1.5)]
    variants = np.stack(
        [_normalised(region.astype(np.float32), *shift).ravel() for shift in shifts]
    )
    intersections = templates @ variants.T
    unions = templates.sum(1)[:, None] + variants.sum(1) - intersections
    overlaps = (intersections / unions).max(1)
    best = int(overlaps.argmax())
    return names[best], float(overlaps[best])


def _normalised(coverage: Floats, dy: float = 0, dx: float = 0, scale: float = 1) -> Floats:
    """A region on the grid, centred and scaled to a fixed area."""
    centre = np.array(ndimage.center_of_mass(coverage))
    step = 2 * REACH * scale * math.sqrt(float(coverage.sum())) / GRID
    offset = centre - step * (GRID - 1) / 2 + step * np.array([dy, dx])
    grid: Floats = ndimage.affine_transform(
        coverage, np.array([step, step]), offset, (GRID, GRID), order=1
    )
    return (grid > 0.5).astype(np.float32)


@cache
def _templates() -> tuple[list[str], Floats]:
    """Every shape, rotated and scaled: names, and (templates, GRID²) of zeros and ones."""
    names, rows = [], []
    for shape in SHAPES:
        for degrees in ROTATIONS[shape]:
            filled = _filled(shape, math.radians(degrees))
            for scale in (0.93, 1.0, 1.07):
                names.append(shape)
                rows.append(_normalised(filled, scale=scale).ravel())
    return names, np.stack(rows)


def _filled(shape: str, angle: float, side: int = 240) -> Floats:
    """A shape's rotated outlines, filled by the even-odd rule."""
    cos, sin = math.cos(angle), math.sin(angle)
    filled = np.zeros((side, side), dtype=bool)
    for ring in outline(shape):
        mask = Image.new("1", (side, side))
        points = [
            (side / 2 + side / 3 * (x * cos - y * sin), side / 2 + side / 3 * (x * sin + y * cos))
            for x, y in ring
        ]
        ImageDraw.Draw(mask).polygon(points, fill=1)
        filled ^= np.asarray(mask)
    return filled.astype(np.float32)
