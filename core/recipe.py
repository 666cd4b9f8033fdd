"""What to paint: prompts, size, steps and seed, validated and immutable."""

import re
import secrets
from collections.abc import Collection, Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from core.i18n import mark, say
from core.prompts import (
    MAX_PROMPT_LENGTH,
    Prompt,
    Prompts,
    RecipeError,
    Weight,
    format_prompts,
    is_blank,
    one_line,
    parse_prompts,
)
from core.styles import PRESETS

MAX_PICTURES = 4  #: pictures that serve as prompts, on one side
MIN_SIDE, MAX_SIDE = 16, 1024  #: pixels
MAX_STEPS = 2000
MAX_COUNT = 4  #: pictures of one recipe
SPREAD = 0.5  #: how far a variation strays from what it begins with, unless told otherwise
SEEDS = 2**32

_RANGES = {
    "width": (mark("Width"), MIN_SIDE, MAX_SIDE),
    "height": (mark("Height"), MIN_SIDE, MAX_SIDE),
    "steps": (mark("Steps"), 1, MAX_STEPS),
    "seed": (mark("Seed"), 0, SEEDS - 1),
    "strength": (mark("Strength"), 0, 1),
    "count": (mark("Count"), 1, MAX_COUNT),
}

_SIZE = re.compile(r"\s*(\d{1,5})\s*[x×*]\s*(\d{1,5})\s*", re.IGNORECASE)

A_PICTURE = mark("a picture")
"""What a picture that serves as a prompt is called."""

StoredName = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


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
            raise ValueError(say("Nothing is asked for: include a text or a picture."))
        if self.initial and self.source:
            raise ValueError(
                say("A picture starts from another picture or from a job, not from both.")
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
        wordless = include_pictures and is_blank(one_line(include))
        included = () if wordless else parse_prompts(include)
        excluded = parse_prompts(exclude) if exclude.strip() else ()
        if preset is not None:
            more, less = _preset_prompts(preset)
            included, excluded = included + more, excluded + less
        _check_contradiction(included, excluded)
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

    def without_images(self, names: Collection[str]) -> Self:
        """The same without these uploaded images. Raises RecipeError if no prompt remains."""
        return self._with(
            initial=None if self.initial in names else self.initial,
            include_pictures=tuple(p for p in self.include_pictures if p.name not in names),
            exclude_pictures=tuple(p for p in self.exclude_pictures if p.name not in names),
        )

    def edited(self, include: str, exclude: str, size: str, steps: int, seed: int) -> Self:
        """The same with other words and numbers, as they were typed. Raises RecipeError.

        The words of a preset are among those that were typed; what an earlier job has painted is
        gone on from at its own size alone.
        """
        width, height = parse_size(size)
        included = parse_prompts(include) if include.strip() else ()
        excluded = parse_prompts(exclude) if exclude.strip() else ()
        _check_contradiction(included, excluded)
        return self._with(
            include=included,
            exclude=excluded,
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


def parse_size(text: str) -> tuple[int, int]:
    """`"64x96"` → (64, 96), width and height in pixels. Raises RecipeError."""
    text = one_line(text[:MAX_PROMPT_LENGTH])
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


def _check_contradiction(include: tuple[Prompt, ...], exclude: tuple[Prompt, ...]) -> None:
    """Raises RecipeError, pointing at it, if a text is on both sides: they would cancel out."""
    excluded = {prompt.text.casefold() for prompt in exclude}
    for place, prompt in enumerate(include):
        if prompt.text.casefold() in excluded:
            before = format_prompts(include[:place])
            raise RecipeError(
                say("This is in both include and exclude: remove it from one of them."),
                format_prompts(include),
                len(before) + len(" | ") if before else 0,
            )


def _sentence(error: ValidationError) -> str:
    """The first complaint of pydantic as a sentence of ours."""
    first = error.errors(include_url=False)[0]
    if "error" in (context := first.get("ctx", {})):
        return str(context["error"])  # raised by a validator of ours
    name = str(first["loc"][0])
    if name in _RANGES:
        field, least, most = _RANGES[name]
        return say(
            "{field} must be from {least} to {most}.", field=say(field), least=least, most=most
        )
    if first["type"] == "too_long":
        return say("You can attach up to {most} images to each side.", most=MAX_PICTURES)
    return say("“{field}” has a value that is not allowed.", field=name)
