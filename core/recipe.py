"""Recipes: what to paint (prompts, size, steps, seed and so on), validated and immutable."""

import secrets
from collections.abc import Collection, Sequence
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from core.film import Film
from core.i18n import gettext, gettext_noop
from core.palette import Colours, palette_bounds
from core.pattern import Symmetry, Tile
from core.prompts import (
    Prompt,
    Prompts,
    RecipeError,
    Weight,
    format_prompts,
    is_blank,
    one_line,
    parse_prompts,
)
from core.repaint import Repaint, StoredName
from core.sizes import MAX_SIDE, MIN_SIDE, parse_size
from core.styles import MAX_STYLE_NAME, Style, built_in_style

MAX_IMAGE_PROMPTS = 4  #: image prompts on one side (include or exclude)
MAX_STEPS = 2000
MAX_COUNT = 4  #: images of one recipe
SUBTLE, SPREAD, STRONG = 0.25, 0.5, 0.8  #: strengths of a variation, from 0 to 1
SEEDS = 2**32

_RANGES = {
    "width": (gettext_noop("Width"), MIN_SIDE, MAX_SIDE),
    "height": (gettext_noop("Height"), MIN_SIDE, MAX_SIDE),
    "steps": (gettext_noop("Steps"), 1, MAX_STEPS),
    "seed": (gettext_noop("Seed"), 0, SEEDS - 1),
    "strength": (gettext_noop("Strength"), 0, 1),
    "count": (gettext_noop("Count"), 1, MAX_COUNT),
}

AN_IMAGE = gettext_noop("an image")
"""How an image prompt is shown."""


@dataclass(frozen=True, slots=True)
class ImagePrompt:
    """A stored image (see `core.storage.uploaded_images`) as a prompt, with its weight."""

    name: StoredName
    weight: Weight = 1.0


@dataclass(frozen=True, slots=True)
class Source:
    """The latents of one image (`row` 0, 1, …) of an earlier job, to start from.

    `spread` is the strength of the variation, from 0 (none) to 1.
    """

    job: Annotated[int, Field(ge=1, lt=2**63)]
    row: Annotated[int, Field(ge=0, lt=MAX_COUNT)]
    spread: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0


ImagePrompts = Annotated[tuple[ImagePrompt, ...], Field(max_length=MAX_IMAGE_PROMPTS)]


def _stored(*names: str) -> Any:
    """An optional field that can be read under older names, too: stored recipes have those."""
    return Field(default=(), validation_alias=AliasChoices(*names))


class Recipe(BaseModel):
    """Everything that determines an image. `model_dump_json` and `model_validate_json` round-trip.

    The prompts are texts, images, or both. Rendering starts from scratch; or from `initial`, a
    stored image (see `core.storage.uploaded_images`) that is followed with a `strength` from 0
    (barely) to 1 (exactly); or from `source`, the latents of an earlier job. There are `count`
    images, each with its own seed. `preset` only records which style's prompts are included. With
    `tile`, the images repeat without a seam; with `symmetry`, they are symmetric; with `palette`,
    they have only these colours. With `repaint`, only a part of `initial` is painted, and the rest
    stays. With `film`, the last steps travel through the image. Without `model`, any model may
    render it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    include: Prompts = ()
    exclude: Prompts = ()
    include_images: ImagePrompts = _stored("include_images", "include_pictures")
    exclude_images: ImagePrompts = _stored("exclude_images", "exclude_pictures")
    width: Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]
    height: Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    seed: Annotated[int, Field(ge=0, lt=SEEDS)]
    initial: StoredName | None = None
    strength: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5
    source: Source | None = None
    count: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    preset: Annotated[str, Field(max_length=MAX_STYLE_NAME, pattern=r"^\S+( \S+)*$")] | None = None
    tile: Tile | None = None
    symmetry: Symmetry | None = None
    palette: Colours = ()
    repaint: Repaint | None = None
    film: Film | None = None
    model: Annotated[str, Field(max_length=40)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.include and not self.include_images:
            raise ValueError(gettext("There is nothing to paint: include a text or an image."))
        if len(self.palette) == 1:
            raise ValueError(palette_bounds())
        if self.symmetry is Symmetry.QUARTER_TURN and self.width != self.height:
            raise ValueError(gettext("An image that can be turned by 90° must be a square."))
        if self.initial and self.source:
            raise ValueError(
                gettext("An image starts from another image or from a job, not from both.")
            )
        if self.repaint and not self.initial:
            raise ValueError(gettext("Add the image in which you want to repaint something."))
        if self.repaint and (self.tile or self.symmetry):
            raise ValueError(
                gettext("A part of an image can't be repainted as a pattern or with symmetry.")
            )
        self._check_film()
        return self

    def _check_film(self) -> None:
        if not self.film:
            return
        if self.count > 1 or self.tile or self.repaint:
            raise ValueError(
                gettext("A film goes with a single image, not with a pattern or a repainted part.")
            )
        if self.steps_before_film < 0:
            raise ValueError(
                gettext(
                    "A film of {frames} frames needs {steps} steps or more.",
                    frames=self.film.frames,
                    steps=self.film.steps,
                )
            )

    @classmethod
    def make(
        cls,
        include: str = "",
        exclude: str = "",
        *,
        width: int,
        height: int,
        steps: int,
        include_images: Sequence[ImagePrompt] = (),
        exclude_images: Sequence[ImagePrompt] = (),
        seed: int | None = None,
        initial: str | None = None,
        strength: float = 0.5,
        count: int = 1,
        preset: Style | str | None = None,
        tile: Tile | None = None,
        symmetry: Symmetry | None = None,
        palette: Colours = (),
        repaint: Repaint | None = None,
        model: str | None = None,
    ) -> Self:
        """A recipe from a member's input; the seed is random unless given.

        The prompts of `preset`, a style or the name of a built-in one, follow those in the input.
        Raises RecipeError with a message for the member, which points at the position in a text.
        """
        wordless = include_images and is_blank(one_line(include))
        included = () if wordless else parse_prompts(include)
        excluded = parse_prompts(exclude, excluded=True) if exclude.strip() else ()
        style = built_in_style(preset) if isinstance(preset, str) else preset
        if style is not None:
            included, excluded = included + style.include, excluded + style.exclude
        _check_contradiction(included, excluded)
        return cls._checked(
            include=included,
            exclude=excluded,
            include_images=tuple(include_images),
            exclude_images=tuple(exclude_images),
            width=width,
            height=height,
            steps=steps,
            seed=random_seed() if seed is None else seed,
            initial=initial,
            strength=strength,
            count=count,
            preset=style.name if style else None,
            tile=tile,
            symmetry=symmetry,
            palette=palette,
            repaint=repaint,
            model=model,
        )

    def with_images(
        self, initial: str | None, include: ImagePrompts, exclude: ImagePrompts
    ) -> Self:
        """A copy with stored images, to start from and as prompts. Raises RecipeError."""
        return self._with(
            initial=initial,
            include_images=self.include_images + include,
            exclude_images=self.exclude_images + exclude,
        )

    def with_palette(self, palette: Colours) -> Self:
        """A copy with these colours. Raises RecipeError."""
        return self._with(palette=palette)

    def with_film(self, film: Film) -> Self:
        """A copy that continues with a film once its image is finished. Raises RecipeError."""
        return self._with(film=film, steps=self.steps_before_film + film.steps)

    def with_repaint(self, repaint: Repaint) -> Self:
        """A copy that repaints only a part of its initial image. Raises RecipeError."""
        return self._with(repaint=repaint)

    def without_text(self, text: str) -> Self:
        """A copy without the include prompt `text`. Raises RecipeError if no prompt remains."""
        return self._with(include=tuple(p for p in self.include if p.text != text))

    def without_images(self, names: Collection[str]) -> Self:
        """A copy without these uploaded images. Raises RecipeError if no prompt remains."""
        kept = not {self.initial, self._mask} & set(names)
        return self._with(
            initial=self.initial if kept else None,
            repaint=self.repaint if kept else None,
            include_images=tuple(p for p in self.include_images if p.name not in names),
            exclude_images=tuple(p for p in self.exclude_images if p.name not in names),
        )

    def edited(self, include: str, exclude: str, size: str, steps: int, seed: int) -> Self:
        """A copy with other prompts and numbers, as typed into the form. Raises RecipeError.

        The form's prompts already include those of the style. An earlier job's latents are kept
        only if the size is unchanged.
        """
        width, height = parse_size(size)
        included = parse_prompts(include) if include.strip() else ()
        excluded = parse_prompts(exclude, excluded=True) if exclude.strip() else ()
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

    def with_seed(self, seed: int) -> Self:
        """A copy with another seed."""
        return self._with(seed=seed)

    def with_model(self, model: str) -> Self:
        """A copy for this model."""
        return self._with(model=model)

    def with_steps(self, steps: int) -> Self:
        """A copy with another number of steps. Raises RecipeError."""
        return self._with(steps=steps)

    def for_image(self, row: int) -> Self:
        """A recipe that renders just one of the images (0, 1, …), the same as before.

        Raises RecipeError if there is no such image.
        """
        return self._with(count=1, seed=self._seed_of(row))

    def vary(
        self, job: int, row: int, seed: int, count: int = MAX_COUNT, spread: float = SPREAD
    ) -> Self:
        """Variations of an image of `job`, which has this recipe. Raises RecipeError."""
        return self._starting_from(job, row, spread=spread, seed=seed, count=count)

    def remix(
        self, job: int, row: int, include: str, exclude: str, spread: float, seed: int
    ) -> Self:
        """Variations of an image of `job` with other prompts. Raises RecipeError."""
        edited = self.edited(include, exclude, self.size, self.steps, seed)
        return edited.vary(job, row, seed, spread=spread)

    def for_repainting(self, include: str, exclude: str, seed: int) -> Self:
        """A recipe that repaints a part of one of the images with other prompts.

        It lacks the image and the part: add them by `with_images` and `with_repaint`. Raises
        RecipeError.
        """
        edited = self.edited(include, exclude, self.size, self.steps, seed)
        return edited._with(
            initial=None,
            repaint=None,
            source=None,
            count=1,
            tile=None,
            symmetry=None,
            film=None,
            steps=edited.image_steps,
        )

    def film_from(
        self, job: int, row: int, include: str, exclude: str, film: Film, seed: int
    ) -> Self:
        """A film that starts with an image of `job`, with other prompts. Raises RecipeError."""
        edited = self.edited(include, exclude, self.size, self.steps, seed)
        plain = edited._starting_from(job, row, seed=seed, count=1, tile=None)
        return plain._with(film=film, steps=film.steps)

    def continue_from(self, job: int, row: int, steps: int) -> Self:
        """Continues an image of `job` for this many steps. Raises RecipeError."""
        return self._starting_from(job, row, seed=self._seed_of(row), count=1, steps=steps)

    def upscale(self, job: int, row: int, steps: int) -> Self:
        """Continues an image of `job` at twice the size. Raises RecipeError."""
        width, height = 2 * self.width, 2 * self.height
        if max(width, height) > MAX_SIDE:
            raise RecipeError(
                gettext(
                    "Twice {size} is too large. The limit is {most} pixels per side.",
                    size=self.size,
                    most=MAX_SIDE,
                )
            )
        return self.continue_from(job, row, steps)._with(width=width, height=height)

    @property
    def continues(self) -> bool:
        """Whether it continues from the latents of its source as they are, not from a variation."""
        return self.source is not None and not self.source.spread

    @property
    def image_names(self) -> tuple[str, ...]:
        """The names of all stored images that this recipe needs, without duplicates."""
        shown = [prompt.name for prompt in (*self.include_images, *self.exclude_images)]
        needed = [name for name in (self.initial, self._mask) if name]
        return tuple(dict.fromkeys(needed + shown))

    @property
    def title(self) -> str:
        """A short title: the first include text."""
        return self.include[0].text if self.include else gettext(AN_IMAGE)

    @property
    def first_texts(self) -> list[str]:
        """The include texts of the first scene; without scenes, all of them."""
        return [prompt.text for prompt in self.include if prompt.scene < 2]

    @property
    def seeds(self) -> tuple[int, ...]:
        """One seed for each of the `count` images: seed, seed + 1, … (modulo 2**32)."""
        return tuple((self.seed + row) % SEEDS for row in range(self.count))

    @property
    def work(self) -> int:
        """The amount of rendering, in pixel-steps."""
        return self.count * self.steps * self.width * self.height

    @property
    def steps_before_film(self) -> int:
        """The number of steps before the film; all steps if there is no film."""
        return self.steps - self.film.steps if self.film else self.steps

    @property
    def image_steps(self) -> int:
        """The steps of its image, or of the film if that starts from an earlier image."""
        return self.steps_before_film or self.steps

    @property
    def size(self) -> str:
        """Width and height as `parse_size` reads them, such as `64x64`."""
        return f"{self.width}x{self.height}"

    @property
    def _mask(self) -> str | None:
        return self.repaint.mask.name if self.repaint and self.repaint.mask else None

    def _seed_of(self, row: int) -> int:
        if not 0 <= row < self.count:
            raise RecipeError(
                gettext("There is no image {n}: the job has {count}.", n=row + 1, count=self.count)
            )
        return self.seeds[row]

    def _starting_from(self, job: int, row: int, *, spread: float = 0.0, **changes: Any) -> Self:
        """A copy that starts from an earlier job, without what that did: initial image and film."""
        self._seed_of(row)
        dropped = {"initial": None, "repaint": None, "film": None, "steps": self.image_steps}
        return self._with(**dropped | {"source": Source(job, row, spread)} | changes)

    def _with(self, **changes: Any) -> Self:
        return self._checked(**dict(self) | changes)

    @classmethod
    def _checked(cls, **values: Any) -> Self:
        try:
            return cls(**values)
        except ValidationError as error:
            raise RecipeError(_sentence(error)) from None


def random_seed() -> int:
    """A random seed."""
    return secrets.randbelow(SEEDS)


def _check_contradiction(include: tuple[Prompt, ...], exclude: tuple[Prompt, ...]) -> None:
    """Raises RecipeError that points at a text on both sides: they would cancel out."""
    excluded = {prompt.text.casefold() for prompt in exclude}
    for index, prompt in enumerate(include):
        if prompt.text.casefold() in excluded:
            end = len(format_prompts(include[: index + 1]))
            raise RecipeError(
                gettext("This is in both include and exclude: remove it from one of them."),
                format_prompts(include),
                end - len(str(prompt)),
            )


def _sentence(error: ValidationError) -> str:
    """pydantic's first error as a message for the member."""
    first = error.errors(include_url=False)[0]
    if "error" in (context := first.get("ctx", {})):
        return str(context["error"])  # raised by one of our validators
    name = str(first["loc"][0])
    if name in _RANGES:
        field, least, most = _RANGES[name]
        return gettext(
            "{field} must be from {least} to {most}.", field=gettext(field), least=least, most=most
        )
    if first["type"] == "too_long":
        return gettext("You can attach up to {most} images to each side.", most=MAX_IMAGE_PROMPTS)
    return gettext("“{field}” has a value that is not allowed.", field=name)
