"""Prompts: the canonical form of a text, and the grammar that members type.

A typed text is one or several prompts::

    a castle | fog:0.5 | sunset:2

- `|` separates prompts. `\\|` is a bar that belongs to the text, and `\\\\` a backslash before one.
- A weight is a number above 0 and up to 10, attached to the last colon of a prompt: `fog:0.5`.
  The default is 1.
- `->` or `→` between spaces makes a prompt a story, whose scenes follow each other while the image
  forms: `a seed -> a sapling -> a tree in bloom:2`. Each scene has its own weight. `\\->` is an
  arrow that belongs to the text.
- A region and a colon at the start, `left: a cat | right: a dog`, say where a prompt applies. A
  region is one of `core.regions.REGIONS` or a box in percent, `10 20 60 80: a bird`. With a
  backslash, `\\left: a cat` is just text.
- Nothing else is a weight. A colon followed by a space belongs to the text ("Batman: the movie",
  "Blade Runner: 2049"), and so does a colon between digits: a time of day or an aspect ratio
  ("16:9"). To give a weight to a text that ends in a digit, put a space before the colon:
  `a room at 16:9 :2`.
- If what follows the colon looks like a number but isn't a weight (`fog:-1`, `fog:1e9`, `fog:nan`,
  `fog:0,5`), that is an error that points at it. Nothing is guessed.
"""

import html
import itertools
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated

import ftfy
import regex
from pydantic import AfterValidator, Field, ValidationError, ValidationInfo
from pydantic.dataclasses import dataclass

from core.i18n import gettext
from core.regions import MAX_REGIONS, Region, split_region, too_many_regions

MAX_PROMPT_LENGTH = 500
"""Characters of all prompts on one side (include or exclude) together, in canonical form."""

MAX_PROMPTS = 8
"""Prompts on one side."""

MAX_WEIGHT = 10.0

MAX_MARKS = 4
"""Combining marks in a row; no script needs more, and more would cover the lines above."""

MAX_TYPED = 8 * MAX_PROMPT_LENGTH
"""The most characters that are cleaned: enough for 500, each written as an HTML entity."""

MAX_GROWTH = 3
"""How many times longer a text may become in canonical form (`ﬃ` becomes `ffi`)."""

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_WEIGHT_LIKE = re.compile(
    r"(?<!\d):(?P<number>[-+\u2212]?"
    r"(?:[.,_]*[0-9][0-9.,_]*(?:e[-+]?[0-9]+)?[%x]?|nan|inf|infinity))$",
    re.IGNORECASE,
)
_BAR = re.compile(r"\\[\\|]|(?P<bar>\|)")
_ARROW = re.compile(r"(?<!\S)(?:->|→)(?!\S)")
_ESCAPED = re.compile(r"\\([\\|])|(?<!\S)\\(->|→)(?!\S)")
_TO_ESCAPE = re.compile(r"\||\\(?=[\\|])|(?<!\S)\\(?=(?:->|→)(?!\S))|(?<!\S)(?=(?:->|→)(?!\S))")

_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]")
_CONTROL, _SURROGATE = regex.compile(r"\p{Cc}"), regex.compile(r"\p{Cs}")
_MARKS = regex.compile(rf"([\p{{Mn}}\p{{Me}}]{{{MAX_MARKS}}})[\p{{Mn}}\p{{Me}}]+")
_BLANK = regex.compile(r"[\p{Zs}\p{Cf}\p{Mn}\p{Me}]*")


class RecipeError(ValueError):
    """A recipe that can't be rendered. `str(error)` is what the member reads, in Markdown.

    `message` is just the sentence. `text` is the text with the problem (empty if it isn't in a
    text), and `position` the index where the problem begins.
    """

    def __init__(self, message: str, text: str = "", position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position

    def __str__(self) -> str:
        pointer = self.pointer()
        return f"{self.message}\n```\n{pointer}\n```" if pointer else self.message

    def pointer(self, width: int = 60) -> str:
        """Two lines, an excerpt of the text and a caret under the position; empty without a text.

        Safe inside a code block (no backticks, no line breaks). The excerpt has at most `width`
        characters.
        """
        if not self.text:
            return ""
        first = max(0, min(self.position - width // 2, len(self.text) - width))
        excerpt = self.text[first : first + width]
        before = ("…" if first else "") + excerpt[: self.position - first]
        after = excerpt[self.position - first :]
        more = "…" if first + width < len(self.text) else ""
        line = (before + after + more).replace("`", "'")
        return f"{line}\n{' ' * _columns(before)}^"


def canonical(text: str) -> str:
    """The form of a text that the job message, the word filter and CLIP all see.

    It is in NFC, and the cleaning in CLIP's tokenizers (broken encodings repaired, HTML entities
    resolved, white space collapsed) leaves it unchanged. It has no invisible characters (Unicode's
    Default_Ignorable_Code_Point, and format characters), no control characters, and at most
    `MAX_MARKS` combining marks in a row.
    """
    text = one_line(text)
    if text.isascii() and "&" not in text:
        return text  # nothing to repair or resolve
    while (cleaned := one_line(_cleaned_by_clip(text))) != text:
        text = cleaned  # terminates: each round repairs, resolves or removes something
    return text


def one_line(text: str) -> str:
    """The visible characters in NFC, with single spaces between words."""
    text = _CONTROL.sub(" ", _SURROGATE.sub("\ufffd", text))
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    return " ".join(_MARKS.sub(r"\1", text).split())


def is_blank(text: str) -> bool:
    """Whether a text has no visible characters."""
    return _BLANK.fullmatch(text) is not None


def _cleaned_by_clip(text: str) -> str:
    """The cleaning of CLIP's and open_clip's tokenizers, with all nested entities resolved."""
    text = ftfy.fix_text(text)
    while (resolved := html.unescape(text)) != text:
        text = resolved
    return text


def _prompt_text(text: str, info: ValidationInfo) -> str:
    text = canonical(text)
    if not is_blank(text):
        return text
    if info.mode == "json":
        return "\ufffd"  # an earlier version stored it, and it must stay readable
    raise ValueError(gettext("A prompt can't be empty."))


Weight = Annotated[float, Field(gt=0, le=MAX_WEIGHT, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text with a weight above 0 and up to 10; the text is canonical and never blank.

    `scene` is its number in a story (1, 2, …), whose scenes are consecutive prompts; 0 outside a
    story. With a `region`, it applies only there.
    """

    text: Annotated[str, AfterValidator(_prompt_text)]
    weight: Weight = 1.0
    scene: Annotated[int, Field(ge=0, le=MAX_PROMPTS)] = 0
    region: Region | None = None

    def __str__(self) -> str:
        """The prompt, or this scene of it, in the grammar; `format_prompts` joins them."""
        text = _TO_ESCAPE.sub(r"\\\g<0>", self.text)
        if self.scene < 2:  # the region of a story is written before its first scene
            if self.region:
                text = f"{self.region}: {text}"
            elif split_region(self.text.lstrip("\\"))[0]:
                text = f"\\{text}"
        if self.weight == 1 and not _WEIGHT_LIKE.search(self.text):
            return text
        colon = " :" if re.search(r"\d$", text) else ":"
        return f"{text}{colon}{weight_text(self.weight)}"


def _within_limits(prompts: tuple[Prompt, ...], info: ValidationInfo) -> tuple[Prompt, ...]:
    stored = info.mode == "json"  # its canonical form may be longer than when it was accepted
    if len(prompts) > MAX_PROMPTS:
        raise ValueError(too_many())
    length = sum(len(prompt.text) for prompt in prompts)
    if length > MAX_PROMPT_LENGTH * (MAX_GROWTH if stored else 1):
        raise ValueError(too_long())
    if len({prompt.region for prompt in prompts if prompt.region}) > MAX_REGIONS:
        raise ValueError(too_many_regions())
    for first, second in itertools.pairwise(prompts):
        if second.scene > 1 and second.region != first.region:
            raise ValueError("the scenes of a story must be in one region")
    scenes = [0, *(prompt.scene for prompt in prompts), 0]
    for before, scene, after in zip(scenes, scenes[1:], scenes[2:], strict=False):
        if (scene > 1 and before != scene - 1) or (scene == 1 and after != 2):
            raise ValueError("the scenes of a story must follow each other")
    return prompts


Prompts = Annotated[tuple[Prompt, ...], AfterValidator(_within_limits)]
"""The prompts of one side, within `MAX_PROMPTS` and `MAX_PROMPT_LENGTH`."""


def too_long() -> str:
    """The message for texts beyond `MAX_PROMPT_LENGTH`."""
    return gettext(
        "Prompts can have up to {most} characters in total, including those of the style.",
        most=MAX_PROMPT_LENGTH,
    )


def too_many() -> str:
    """The message for more than `MAX_PROMPTS`."""
    return gettext(
        "You can combine up to {most} prompts, including those of the style.", most=MAX_PROMPTS
    )


def parse_prompts(text: str, *, excluded: bool = False) -> tuple[Prompt, ...]:
    """Parses one or more prompts in the grammar above. Exclude prompts have no story or region.

    Raises RecipeError.
    """
    if len(text) > MAX_TYPED:
        raise RecipeError(too_long())
    text = one_line(text)
    if is_blank(text):
        raise RecipeError(
            gettext("There is nothing to paint. Describe something, such as “a red circle”.")
        )
    prompts: list[Prompt] = []
    remaining = MAX_PROMPT_LENGTH
    for start, source, scene, region in _scenes(text):
        if len(prompts) == MAX_PROMPTS:
            raise RecipeError(too_many(), text, start)
        if scene and excluded:
            raise RecipeError(gettext("Stories with “->” only work in include."), text, start)
        if region and excluded:
            raise RecipeError(gettext("Regions such as “left:” only work in include."), text, start)
        prompt = _parse_prompt(text, start, source, scene, region)
        if len(prompt.text) > remaining:
            raise RecipeError(too_long(), text, min(start + remaining, len(text)))
        remaining -= len(prompt.text)
        prompts.append(prompt)
    return tuple(prompts)


def format_prompts(prompts: tuple[Prompt, ...]) -> str:
    """The inverse of `parse_prompts`: parsing what it returns gives the same prompts."""
    joined = "".join(f"{' -> ' if p.scene > 1 else ' | '}{p}" for p in prompts)
    return joined[len(" | ") :]


def scene_spans(prompts: Sequence[Prompt]) -> list[tuple[float, float]]:
    """When each prompt applies, as fractions of the steps: 0 to 1 outside a story."""
    spans: list[tuple[float, float]] = []
    for index, prompt in enumerate(prompts):
        first = index - max(0, prompt.scene - 1)
        scenes = 1
        while first + scenes < len(prompts) and prompts[first + scenes].scene == scenes + 1:
            scenes += 1
        begin = max(0, prompt.scene - 1)
        spans.append((begin / scenes, (begin + 1) / scenes) if prompt.scene else (0.0, 1.0))
    return spans


def weight_text(weight: float) -> str:
    """A weight as a plain decimal number, never in scientific notation: `0.5`, `2`."""
    return format(Decimal(repr(weight)), "f").removesuffix(".0")


def parse_weight(number: str, text: str = "", position: int = 0) -> float:
    """Parses a number above 0, up to 10. Raises RecipeError that points at `position` in `text`."""
    weight = float(number) if _NUMBER.fullmatch(number) else math.nan
    if not 0 < weight <= MAX_WEIGHT:
        raise RecipeError(_not_a_weight(number, text), text, position)
    return weight


def _parse_prompt(text: str, start: int, source: str, scene: int, region: Region | None) -> Prompt:
    """Parses one prompt: `source`, which begins at index `start` of `text`."""
    words, weight = source, 1.0
    if match := _WEIGHT_LIKE.search(source):
        weight = parse_weight(match["number"], text, start + match.start("number"))
        words = source[: match.start()].rstrip()
    try:
        return Prompt(_ESCAPED.sub(r"\1\2", words), weight, scene, region)
    except ValidationError:
        raise RecipeError(gettext("There is no text here."), text, start) from None


def _scenes(text: str) -> Iterator[tuple[int, str, int, Region | None]]:
    """Each prompt or scene: where it begins, its stripped text, its scene, and its region."""
    for bar, whole in _between_bars(text):
        region, source = split_region(whole)
        if region is None and split_region(whole.lstrip("\\"))[0]:
            source = whole.removeprefix("\\")
        start = bar + len(whole) - len(source)
        begin, arrows = 0, list(_ARROW.finditer(source))
        for scene, arrow in enumerate(arrows, start=1):
            piece = source[begin : arrow.start()]
            yield start + begin + len(piece) - len(piece.lstrip()), piece.strip(), scene, region
            begin = arrow.end()
        piece = source[begin:]
        last = len(arrows) + 1 if arrows else 0
        yield start + begin + len(piece) - len(piece.lstrip()), piece.strip(), last, region


def _between_bars(text: str) -> Iterator[tuple[int, str]]:
    """Each piece between unescaped bars: where it begins, and its stripped text."""
    begin = 0
    ends = [match.start() for match in _BAR.finditer(text) if match["bar"]]
    for end in [*ends, len(text)]:
        piece = text[begin:end]
        yield begin + len(piece) - len(piece.lstrip()), piece.strip()
        begin = end + 1


def _not_a_weight(number: str, text: str) -> str:
    if number.startswith(("-", "\u2212")):
        return gettext("A weight can't be negative. To leave something out, put it in exclude.")
    if not text:
        return gettext(
            "A weight is a number above 0 and up to {most}, such as 0.5.", most=f"{MAX_WEIGHT:g}"
        )
    return gettext(
        "A weight is a number above 0 and up to {most}, such as 0.5; put a space after the colon"
        " if it belongs to the text.",
        most=f"{MAX_WEIGHT:g}",
    )


def _columns(text: str) -> int:
    """The width of a text in columns of a monospaced font."""
    return sum(
        0
        if unicodedata.category(c) in {"Mn", "Me", "Cf"}
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )
