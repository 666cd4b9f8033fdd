"""Named styles: additional prompts with weights well below 1, so that the request dominates.

Some are built in, and moderators may add others to their server.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.i18n import gettext, gettext_noop
from core.prompts import Prompt, RecipeError, parse_prompts

MAX_STYLE_NAME = 40  #: characters

NO_STYLE = "none"
"""The choice of no style, which overrides a default."""
NO_STYLE_NAME = gettext_noop("no style")


@dataclass(frozen=True, slots=True)
class Style:
    """A style with the prompts that it adds."""

    name: str
    include: tuple[Prompt, ...]
    exclude: tuple[Prompt, ...] = ()
    example: Path | None = None
    """An image file that shows what it looks like, for the host's styles."""


@dataclass(frozen=True, slots=True)
class Preset:
    """The prompts that a style adds, in the grammar of `core.prompts`.

    `models` are the models with a fixed vocabulary that know its words. Models without a fixed
    vocabulary know all words.
    """

    include: str
    exclude: str = ""
    models: tuple[str, ...] = ()


BOTH = ("picturebook", "sketch")


PRESETS = {
    gettext_noop("watercolour"): Preset("a watercolor painting:0.4"),
    gettext_noop("oil painting"): Preset("an oil painting on canvas:0.4", "a photograph:0.2"),
    gettext_noop("pencil sketch"): Preset("a pencil sketch on paper:0.4", "bright colors:0.2"),
    gettext_noop("ink"): Preset("an ink drawing with bold brush strokes:0.4"),
    gettext_noop("photograph"): Preset("a sharp photograph in natural light:0.4", "a painting:0.2"),
    gettext_noop("comic"): Preset("a comic book panel with inked outlines:0.4", "a photograph:0.2"),
    gettext_noop("ukiyo-e"): Preset("a Japanese woodblock print, ukiyo-e:0.4", "a photograph:0.2"),
    gettext_noop("art deco"): Preset("an Art Deco poster:0.4"),
    gettext_noop("pixel art"): Preset("pixel art of an old video game:0.4", "blurry:0.2"),
    gettext_noop("low poly"): Preset("low poly 3D art:0.4"),
    gettext_noop("stained glass"): Preset("a stained glass window:0.4"),
    gettext_noop("mosaic"): Preset("a mosaic of small tiles:0.4"),
    gettext_noop("neon"): Preset("glowing neon lights in the dark:0.4", "daylight:0.2"),
    gettext_noop("3d"): Preset("3d rendering:0.2", models=("picturebook",)),
    gettext_noop("flat"): Preset("flat style:0.2", models=("picturebook",)),
    gettext_noop("outline"): Preset("outline drawing:0.2", models=("picturebook",)),
    gettext_noop("clip art"): Preset("clip art:0.2", models=("picturebook",)),
    # No patterned backgrounds: sketch knows the words, but doesn't render them.
    gettext_noop("sunset"): Preset("a landscape at sunset, under an orange sky:0.4", models=BOTH),
    gettext_noop("night"): Preset("a landscape at night, under a night sky:0.4", models=BOTH),
    gettext_noop("winter"): Preset("a snowy landscape by day, under a blue sky:0.6", models=BOTH),
    gettext_noop("on white"): Preset("a white background:0.4", models=BOTH),
    gettext_noop("on black"): Preset("a black background:0.4", models=BOTH),
}
"""The built-in styles by the name that members choose."""


def style_key(name: str) -> str:
    """The key of a style's name. Names that differ only in case have the same key."""
    return name.strip().casefold()


def preset_named(typed: str) -> str | None:
    """The name of a built-in style, typed in English or in the current language; else None."""
    wanted = style_key(typed)
    for name in PRESETS:
        if wanted in (style_key(name), style_key(gettext(name))):
            return name
    return None


def built_in_style(typed: str) -> Style:
    """A built-in style, by its name as `preset_named` reads it. Raises RecipeError."""
    name = preset_named(typed)
    if name is None:
        raise no_such_style()
    preset = PRESETS[name]
    return Style(
        name,
        parse_prompts(preset.include),
        parse_prompts(preset.exclude) if preset.exclude else (),
    )


def no_such_style(own: Iterable[str] = (), presets: Iterable[str] = PRESETS) -> RecipeError:
    """The error for an unknown style; lists the server's own (in Markdown) and built-in ones."""
    return RecipeError(
        gettext(
            "There is no such style. Choose one of these: {presets}.",
            presets=", ".join((*own, *map(gettext, presets))),
        )
    )


def style_label(name: str) -> str:
    """A style's name for members; the built-in ones are in the current language."""
    return gettext(name) if name in PRESETS else name


def styles_for(model: str) -> tuple[str, ...]:
    """The names of the styles that suit this model."""
    every = {name for preset in PRESETS.values() for name in preset.models}
    return tuple(
        name for name, preset in PRESETS.items() if model not in every or model in preset.models
    )
