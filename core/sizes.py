"""Sizes of images: as pixels (`64x96`) or as an aspect ratio (`16:9`)."""

import itertools
import math
import re
from dataclasses import dataclass

from core.i18n import gettext
from core.prompts import MAX_PROMPT_LENGTH, RecipeError, one_line

MIN_SIDE, MAX_SIDE = 16, 1024  #: pixels
MAX_RATIO = 4  #: of the longer to the shorter side

_PIXELS = re.compile(r"\s*(\d{1,5})\s*[x×*]\s*(\d{1,5})\s*", re.IGNORECASE)
_RATIO = re.compile(r"\s*(\d{1,4}(?:\.\d{1,3})?)\s*:\s*(\d{1,4}(?:\.\d{1,3})?)\s*")


@dataclass(frozen=True, slots=True)
class Canvas:
    """The sizes a model renders: a square of `side` pixels, and others in multiples of `factor`."""

    side: int
    factor: int


def parse_size(text: str, canvas: Canvas | None = None) -> tuple[int, int]:
    """`"64x96"` → (64, 96), width and height in pixels; `"16:9"` → a size of this canvas.

    Without a canvas, an aspect ratio is an error. Raises RecipeError.
    """
    text = one_line(text[:MAX_PROMPT_LENGTH])
    if canvas and (ratio := _RATIO.fullmatch(text)):
        return _of_ratio(float(ratio[1]), float(ratio[2]), canvas, text)
    match = _PIXELS.fullmatch(text)
    if not match and canvas:
        raise RecipeError(
            gettext("A size is width x height in pixels, such as 64x64, or a ratio such as 16:9."),
            text,
        )
    if not match:
        raise RecipeError(gettext("A size is width x height in pixels, such as 64x64."), text)
    width, height = int(match[1]), int(match[2])
    for side, group in ((width, 1), (height, 2)):
        if not MIN_SIDE <= side <= MAX_SIDE:
            raise RecipeError(
                gettext(
                    "Each side must be {least} to {most} pixels.", least=MIN_SIDE, most=MAX_SIDE
                ),
                text,
                match.start(group),
            )
    return width, height


def _of_ratio(across: float, down: float, canvas: Canvas, text: str) -> tuple[int, int]:
    if not min(across, down) or max(across, down) > MAX_RATIO * min(across, down):
        raise RecipeError(
            gettext("An aspect ratio can be from 1:{most} to {most}:1.", most=MAX_RATIO), text
        )
    return fit_ratio(across / down, canvas)


def fit_ratio(ratio: float, canvas: Canvas) -> tuple[int, int]:
    """Width and height nearest to this ratio, in multiples of the factor.

    Their area is that of the square or a little less, so an image never costs more than a square.
    """
    side, factor = canvas.side, canvas.factor
    ideal = side * math.sqrt(ratio), side / math.sqrt(ratio)

    def distance(size: tuple[int, int]) -> float:
        width, height = size
        off_ratio = abs(math.log(width / height / ratio))
        return off_ratio + abs(math.log(width * height / side**2))

    widths, heights = (
        {factor * max(1, rounded(length / factor)) for rounded in (math.floor, math.ceil)}
        for length in ideal
    )
    sizes = [size for size in itertools.product(widths, heights) if math.prod(size) <= side**2]
    return min(sizes, key=distance)
