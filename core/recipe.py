"""What to paint: weighted prompts, size, steps and seed, parsed, validated, immutable.

The grammar of prompts, as a member types it::

    a castle | fog:0.5 | sunset:2

- `|` separates prompts; `\\|` is a bar that belongs to the text, and `\\\\` a backslash before
  one.
- A weight is a number above 0 and up to 10, glued to the last colon of a prompt: `fog:0.5`.
  Without one the weight is 1.
- Nothing else is a weight. A colon followed by a space belongs to the text ("Batman: the movie",
  "Blade Runner: 2049"), and so does a colon between digits: a clock time or an aspect ("16:9").
  To weigh a text that ends in a digit, put a space before the colon: `a room at 16:9 :2`.
- What is glued to a colon and looks like a number, but is no weight (`fog:-1`, `fog:1e9`,
  `fog:nan`, `fog:0,5`), is an error that points at the place rather than a guess.
"""

import math
import re
import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass

from core.i18n import mark, say
from core.styles import PRESETS

MAX_TEXT = 500  #: characters of all prompts on one side (include or exclude) together
MAX_PROMPTS = 8  #: prompts on one side
MAX_PICTURES = 4  #: pictures that serve as prompts, on one side
MAX_WEIGHT = 10.0
MIN_SIDE, MAX_SIDE = 16, 1024  #: pixels
MAX_STEPS = 2000
MAX_COUNT = 4  #: pictures of one recipe
SPREAD = 0.5  #: how far a variation strays from what it begins with, unless told otherwise
SEEDS = 2**32
MOST_MARKS = 4  #: accents on one letter; no script needs more

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_MEANT_WEIGHT = re.compile(
    r"(?<!\d):(?P<number>[-+\u2212]?"
    r"(?:[.,_]*[0-9][0-9.,_]*(?:e[-+]?[0-9]+)?[%x]?|nan|inf|infinity))$",
    re.IGNORECASE,
)
_BAR = re.compile(r"\\[\\|]|(?P<bar>\|)")
_ESCAPED = re.compile(r"\\([\\|])")
_TO_ESCAPE = re.compile(r"\||\\(?=[\\|])")
_JOINERS = "\u200c\u200d"  # emoji and several scripts need them
_SIZE = re.compile(r"\s*(\d{1,5})\s*[x×*]\s*(\d{1,5})\s*", re.IGNORECASE)


A_PICTURE = mark("a picture")
"""What a picture that serves as a prompt is called."""


class RecipeError(ValueError):
    """A recipe that cannot be painted. `str(error)` is one sentence for the asker.

    `text` is what was read (empty if no text was at fault), `position` the index in it
    where the trouble begins.
    """

    def __init__(self, message: str, text: str = "", position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position

    def pointer(self, width: int = 60) -> str:
        """Two lines, an excerpt of the text and a caret under the place; empty without a text.

        Safe inside a code block (no backticks, no line breaks); the excerpt is at most
        `width` characters long.
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


def _normalised(text: str) -> str:
    """NFC, every run of white space and control characters one space, nothing invisible.

    Of marks in a row, which would tower over other lines, `MOST_MARKS` are kept.
    """
    kept = "".join(_visible(character) for character in text)
    return " ".join(_without_towers(unicodedata.normalize("NFC", kept)).split())


def _visible(character: str) -> str:
    match unicodedata.category(character):
        case "Cc":
            return " "
        case "Cf" if character not in _JOINERS:
            return ""  # direction overrides, byte order marks: they would garble a card
        case "Cs":
            return "\ufffd"  # half a surrogate pair cannot be stored or sent
    return character


def _without_towers(text: str) -> str:
    kept, marks = [], 0
    for character in text:
        if unicodedata.category(character) in {"Mn", "Me"}:
            marks += 1
        elif character not in _JOINERS:
            marks = 0
        if marks <= MOST_MARKS or character in _JOINERS:
            kept.append(character)
    return "".join(kept)


def _is_blank(text: str) -> bool:
    return all(unicodedata.category(c) in {"Zs", "Cf", "Mn", "Me"} for c in text)


def _prompt_text(text: str) -> str:
    text = _normalised(text)
    if _is_blank(text):
        raise ValueError(say("a prompt needs a text"))
    return text


Weight = Annotated[float, Field(gt=0, le=MAX_WEIGHT, allow_inf_nan=False)]
StoredName = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text with a weight above 0 and up to 10; the text is normalised and never blank."""

    text: Annotated[str, AfterValidator(_prompt_text)]
    weight: Weight = 1.0

    def __str__(self) -> str:
        """The prompt in the grammar; `parse_prompts` reads it back as the same prompt."""
        text = _TO_ESCAPE.sub(r"\\\g<0>", self.text)
        if self.weight == 1 and not _MEANT_WEIGHT.search(self.text):
            return text
        colon = " :" if re.search(r"\d$", text) else ":"
        return f"{text}{colon}{weight_text(self.weight)}"


@dataclass(frozen=True, slots=True)
class PicturePrompt:
    """A stored picture (see `core.storage.uploaded_images`) as a prompt, with its weight."""

    name: StoredName
    weight: Weight = 1.0


@dataclass(frozen=True, slots=True)
class Source:
    """The saved latents of one picture (`row` 0, 1, …) of an earlier job, to start from.

    `spread` says how far to stray from them first, from 0 (not at all) to 1.
    """

    job: Annotated[int, Field(ge=1, lt=2**63)]
    row: Annotated[int, Field(ge=0, lt=MAX_COUNT)]
    spread: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0


def _within_limit(prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
    if len(prompts) > MAX_PROMPTS or sum(len(prompt.text) for prompt in prompts) > MAX_TEXT:
        raise ValueError(
            say(
                "{prompts} prompts and {characters} characters together are the most, "
                "those of the preset among them",
                prompts=MAX_PROMPTS,
                characters=MAX_TEXT,
            )
        )
    return prompts


Prompts = Annotated[tuple[Prompt, ...], AfterValidator(_within_limit)]
PicturePrompts = Annotated[tuple[PicturePrompt, ...], Field(max_length=MAX_PICTURES)]


class Recipe(BaseModel):
    """All that decides a picture. `model_dump_json` and `model_validate_json` round-trip.

    What to paint is said by texts, by pictures, or by both. A picture starts from nothing, or from
    `initial`, a stored picture (see `core.storage.uploaded_images`) that holds as firmly as
    `strength` says, from 0 (hardly) to 1 (entirely), or from `source`, what an earlier job has
    painted. `count` pictures are painted, each from its own seed. `preset` only tells whose prompts
    are among the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    include: Prompts = ()
    exclude: Prompts = ()
    include_pictures: PicturePrompts = ()
    exclude_pictures: PicturePrompts = ()
    width: Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]
    height: Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    seed: Annotated[int, Field(ge=0, lt=SEEDS)]
    initial: StoredName | None = None
    strength: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5
    source: Source | None = None
    count: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    preset: Annotated[str, Field(pattern=r"^[a-z][a-z -]{0,39}$")] | None = None

    @model_validator(mode="after")
    def _can_be_painted(self) -> Self:
        if not self.include and not self.include_pictures:
            raise ValueError(say("Nothing is asked for: include a text or a picture"))
        if self.initial and self.source:
            raise ValueError(
                say("A picture starts from another picture or from a job, not from both")
            )
        return self

    @classmethod
    def make(
        cls,
        include: str = "",
        exclude: str = "",
        *,
        width: int,
        height: int,
        steps: int,
        include_pictures: Sequence[PicturePrompt] = (),
        exclude_pictures: Sequence[PicturePrompt] = (),
        seed: int | None = None,
        initial: str | None = None,
        strength: float = 0.5,
        count: int = 1,
        preset: str | None = None,
    ) -> Self:
        """A recipe from what a member typed; a seed is drawn if none is named.

        The prompts of `preset`, a name of `core.styles`, come after those that were typed.
        Raises RecipeError with a sentence for the member, pointing at the place in a text.
        """
        wordless = include_pictures and _is_blank(_normalised(include))
        included = () if wordless else parse_prompts(include)
        excluded = parse_prompts(exclude) if exclude.strip() else ()
        if preset is not None:
            more, less = _preset_prompts(preset)
            included, excluded = included + more, excluded + less
        return cls._checked(
            include=included,
            exclude=excluded,
            include_pictures=tuple(include_pictures),
            exclude_pictures=tuple(exclude_pictures),
            width=width,
            height=height,
            steps=steps,
            seed=drawn_seed() if seed is None else seed,
            initial=initial,
            strength=strength,
            count=count,
            preset=preset,
        )

    def with_pictures(
        self, initial: str | None, like: PicturePrompts, unlike: PicturePrompts
    ) -> Self:
        """The same with stored pictures: to start from, and as prompts. Raises RecipeError."""
        return self._with(
            initial=initial,
            include_pictures=self.include_pictures + like,
            exclude_pictures=self.exclude_pictures + unlike,
        )

    def edited(self, include: str, exclude: str, size: str, steps: int, seed: int) -> Self:
        """The same with other words and numbers, as they were typed. Raises RecipeError.

        The words of a preset are among those that were typed; what an earlier job has painted is
        gone on from at its own size alone.
        """
        width, height = parse_size(size)
        return self._with(
            include=parse_prompts(include) if include.strip() else (),
            exclude=parse_prompts(exclude) if exclude.strip() else (),
            width=width,
            height=height,
            steps=steps,
            seed=seed,
            preset=None,
            source=self.source if (width, height) == (self.width, self.height) else None,
        )

    def again(self, seed: int) -> Self:
        """The same wish from another seed."""
        return self._with(seed=seed)

    def within(self, steps: int) -> Self:
        """The same in more or fewer steps. Raises RecipeError."""
        return self._with(steps=steps)

    def alone(self, row: int) -> Self:
        """That one of the pictures (0, 1, …), painted just as among the others.

        Raises RecipeError if there is no such picture.
        """
        return self._with(count=1, seed=self._seed_of(row))

    def vary(self, job: int, row: int, seed: int, count: int = MAX_COUNT) -> Self:
        """Likes of that picture of `job`, which was painted by this recipe. Raises RecipeError."""
        return self._from(job, row, spread=SPREAD, seed=seed, count=count)

    def more(self, job: int, row: int, steps: int) -> Self:
        """That picture of `job`, painted on for so many steps. Raises RecipeError."""
        return self._from(job, row, seed=self._seed_of(row), count=1, steps=steps)

    def larger(self, job: int, row: int, steps: int) -> Self:
        """That picture of `job`, painted on at twice the size. Raises RecipeError."""
        width, height = 2 * self.width, 2 * self.height
        if max(width, height) > MAX_SIDE:
            raise RecipeError(
                say(
                    "Twice {size} is too large: {most} pixels a side is the most.",
                    size=self.size,
                    most=MAX_SIDE,
                )
            )
        return self.more(job, row, steps)._with(width=width, height=height)

    @property
    def pictures(self) -> tuple[str, ...]:
        """The names of all stored pictures that this recipe needs, each once."""
        shown = [prompt.name for prompt in (*self.include_pictures, *self.exclude_pictures)]
        return tuple(dict.fromkeys(([self.initial] if self.initial else []) + shown))

    @property
    def title(self) -> str:
        """What to call it in a line: the first text that is to be painted."""
        return self.include[0].text if self.include else say(A_PICTURE)

    @property
    def seeds(self) -> tuple[int, ...]:
        """One seed for each of the `count` pictures: seed, seed + 1, … (modulo 2**32)."""
        return tuple((self.seed + row) % SEEDS for row in range(self.count))

    @property
    def work(self) -> int:
        """How much there is to paint, in pixel-steps."""
        return self.count * self.steps * self.width * self.height

    @property
    def size(self) -> str:
        """Width and height as `parse_size` reads them, such as `64x64`."""
        return f"{self.width}x{self.height}"

    def _seed_of(self, row: int) -> int:
        if not 0 <= row < self.count:
            raise RecipeError(
                say("There is no picture {n}: the job has {count}.", n=row + 1, count=self.count)
            )
        return self.seeds[row]

    def _from(self, job: int, row: int, *, spread: float = 0.0, **changes: Any) -> Self:
        """Starts from an earlier job; an initial picture has done its part there."""
        self._seed_of(row)
        return self._with(source=Source(job, row, spread), initial=None, **changes)

    def _with(self, **changes: Any) -> Self:
        return self._checked(**dict(self) | changes)

    @classmethod
    def _checked(cls, **values: Any) -> Self:
        try:
            return cls(**values)
        except ValidationError as error:
            raise RecipeError(_sentence(error)) from None


def _preset_prompts(name: str) -> tuple[tuple[Prompt, ...], tuple[Prompt, ...]]:
    """What a preset adds to include and to exclude. Raises RecipeError."""
    if name not in PRESETS:
        known = ", ".join(map(say, PRESETS))
        raise RecipeError(say("There is no such preset; there are {presets}.", presets=known))
    preset = PRESETS[name]
    return parse_prompts(preset.include), parse_prompts(preset.exclude) if preset.exclude else ()


def drawn_seed() -> int:
    """Any seed."""
    return secrets.randbelow(SEEDS)


def parse_prompts(text: str) -> tuple[Prompt, ...]:
    """Reads the grammar above; at least one prompt. Raises RecipeError."""
    text = _normalised(text)
    if _is_blank(text):
        raise RecipeError(say("Nothing is asked for: write what to paint, such as “a red circle”."))
    prompts: list[Prompt] = []
    room = MAX_TEXT
    for start, source in _between_bars(text):
        if len(prompts) == MAX_PROMPTS:
            raise RecipeError(
                say("There are more than {most} prompts; leave some out.", most=MAX_PROMPTS),
                text,
                start,
            )
        prompt = _parse_prompt(text, start, source, room)
        room -= len(prompt.text)
        prompts.append(prompt)
    return tuple(prompts)


def format_prompts(prompts: tuple[Prompt, ...]) -> str:
    """The inverse of `parse_prompts`: parsing what it returns gives the same prompts."""
    return " | ".join(map(str, prompts))


def parse_size(text: str) -> tuple[int, int]:
    """`"64x96"` → (64, 96), width and height in pixels. Raises RecipeError."""
    text = _normalised(text)[:MAX_TEXT]
    match = _SIZE.fullmatch(text)
    if not match:
        raise RecipeError(say("A size is width x height in pixels, such as 64x64."), text)
    width, height = int(match[1]), int(match[2])
    for side, group in ((width, 1), (height, 2)):
        if not MIN_SIDE <= side <= MAX_SIDE:
            position = match.start(group)
            raise RecipeError(
                say("Each side must be {least} to {most} pixels.", least=MIN_SIDE, most=MAX_SIDE),
                text,
                position,
            )
    return width, height


def weight_text(weight: float) -> str:
    """A weight as a plain decimal number, never in scientific notation: `0.5`, `2`."""
    return format(Decimal(repr(weight)), "f").removesuffix(".0")


def parse_weight(number: str, text: str = "", position: int = 0) -> float:
    """A number above 0 and up to 10. Raises RecipeError, pointing at its `position` in `text`."""
    weight = float(number) if _NUMBER.fullmatch(number) else math.nan
    if not 0 < weight <= MAX_WEIGHT:
        raise RecipeError(_not_a_weight(number, text), text, position)
    return weight


def _parse_prompt(text: str, start: int, source: str, room: int) -> Prompt:
    """The prompt that `source` spells, which begins at `start` of `text`."""
    words, weight = source, 1.0
    if meant := _MEANT_WEIGHT.search(source):
        weight = parse_weight(meant["number"], text, start + meant.start("number"))
        words = source[: meant.start()].rstrip()
    words = _ESCAPED.sub(r"\1", words)
    if _is_blank(words):
        raise RecipeError(say("There is no text in this place."), text, start)
    if len(words) > room:
        raise RecipeError(
            say("The prompts are too long: {most} characters together is the most.", most=MAX_TEXT),
            text,
            start + room,
        )
    return Prompt(words, weight)


def _between_bars(text: str) -> Iterator[tuple[int, str]]:
    """Each piece between unescaped bars, stripped, with the position where it begins."""
    begin = 0
    ends = [match.start() for match in _BAR.finditer(text) if match["bar"]]
    for end in [*ends, len(text)]:
        piece = text[begin:end]
        yield begin + len(piece) - len(piece.lstrip()), piece.strip()
        begin = end + 1


def _not_a_weight(number: str, text: str) -> str:
    if number.startswith(("-", "\u2212")):
        return say("A weight cannot be negative: what should stay away goes into exclude.")
    if not text:
        return say(
            "A weight is a number above 0 and up to {most}, such as 0.5.", most=f"{MAX_WEIGHT:g}"
        )
    return say(
        "A weight is a number above 0 and up to {most}, such as 0.5; put a space after the colon"
        " if it belongs to the text.",
        most=f"{MAX_WEIGHT:g}",
    )


def _columns(text: str) -> int:
    """How many columns of a monospaced font the text takes."""
    return sum(
        0
        if unicodedata.category(c) in {"Mn", "Me", "Cf"}
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def _sentence(error: ValidationError) -> str:
    """The first complaint of pydantic as a sentence, such as “Steps: input should be …”."""
    first = error.errors(include_url=False)[0]
    complaint = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{complaint}."
    field = say(str(first["loc"][0]).capitalize().replace("_", " "))
    return f"{field}: {complaint[0].lower()}{complaint[1:]}."
