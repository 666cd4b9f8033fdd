"""Palettes: the colours that an image is made of."""

import re
from typing import Annotated

from PIL import Image, ImageColor
from pydantic import Field

from core.i18n import gettext
from core.prompts import MAX_PROMPT_LENGTH, RecipeError, one_line

MIN_COLOURS, MAX_COLOURS = 2, 16
IMAGE_COLOURS = 8  #: colours taken from an image

PALETTES = {
    "gameboy": ("#0f380f", "#306230", "#8bac0f", "#9bbc0f"),
    "sepia": ("#2b1a0c", "#704214", "#b08d57", "#f4ecd8"),
    "cyanotype": ("#0a1f44", "#1f4e8c", "#8fb3d9", "#f5f7fa"),
    "pico-8": (
        *("#000000", "#1d2b53", "#7e2553", "#008751", "#ab5236", "#5f574f", "#c2c3c7", "#fff1e8"),
        *("#ff004d", "#ffa300", "#ffec27", "#00e436", "#29adff", "#83769c", "#ff77a8", "#ffccaa"),
    ),
}
"""Palettes by name. `gameboy` and `pico-8` have the consoles' own colours."""

Colours = Annotated[
    tuple[Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")], ...], Field(max_length=MAX_COLOURS)
]
"""Colours as `#rrggbb`."""

_COLOUR = re.compile(r"[^\s,;|]+")
_HEX = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})", re.IGNORECASE)


def parse_palette(text: str) -> tuple[str, ...]:
    """Parses names of palettes, CSS colour names and hex values. Raises RecipeError.

    `"navy #ff8800 fff"` → `("#000080", "#ff8800", "#ffffff")`
    """
    text = one_line(text[:MAX_PROMPT_LENGTH])
    colours: dict[str, None] = {}
    for match in _COLOUR.finditer(text):
        colours |= dict.fromkeys(_colours(match[0].casefold(), text, match.start()))
    if not MIN_COLOURS <= len(colours) <= MAX_COLOURS:
        raise RecipeError(palette_bounds(), text)
    return tuple(colours)


def palette_bounds() -> str:
    """The error message for too few or too many colours."""
    return gettext("A palette has {least} to {most} colours.", least=MIN_COLOURS, most=MAX_COLOURS)


def palette_of(image: Image.Image) -> tuple[str, ...]:
    """The dominant colours of an image, by median cut; the most frequent first."""
    reduced = image.convert("RGB").quantize(IMAGE_COLOURS, Image.Quantize.MEDIANCUT)
    values, counts = reduced.getpalette() or [], reduced.histogram()
    used = sorted((i for i in range(IMAGE_COLOURS) if counts[i]), key=lambda i: -counts[i])
    colours = ("#{:02x}{:02x}{:02x}".format(*values[3 * i : 3 * i + 3]) for i in used)
    return tuple(dict.fromkeys(colours))


def rgb(colour: str) -> tuple[float, float, float]:
    """`#rrggbb` → red, green and blue from 0 to 1."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255


def _colours(word: str, text: str, position: int) -> tuple[str, ...]:
    if word in PALETTES:
        return PALETTES[word]
    if named := ImageColor.colormap.get(word):
        return (named if isinstance(named, str) else "#{:02x}{:02x}{:02x}".format(*named),)
    if digits := _HEX.fullmatch(word):
        value = digits[1] if len(digits[1]) == 6 else "".join(2 * digit for digit in digits[1])
        return (f"#{value}",)
    raise RecipeError(
        gettext(
            "That is neither a colour, such as navy or #ff8800, nor one of these palettes:"
            " {palettes}.",
            palettes=", ".join(PALETTES),
        ),
        text,
        position,
    )
