"""Styles that moderators add to their server, or hosts to all servers in a TOML file::

["our comic"]
include = "a comic book panel:0.4 | ink:0.2"
exclude = "a photograph:0.2"
image = "comic.png"
"""

import tomllib
from dataclasses import replace
from pathlib import Path

from core.discord_ui.text import escape
from core.i18n import ENGLISH, gettext, languages, use_locale
from core.prompts import MAX_PROMPTS, RecipeError, canonical, is_blank
from core.recipe import Recipe
from core.settings import SettingsError
from core.storage.uploaded_images import ImageRejectedError, decode_image
from core.styles import MAX_STYLE_NAME, NO_STYLE, NO_STYLE_NAME, Style, preset_named, style_key

MAX_HOST_STYLES = 25
MAX_STYLE_PROMPTS = MAX_PROMPTS // 2  #: per side; leaves room for the request's own
MAX_STYLE_LENGTH = 200  #: characters of the prompts on one side

HostStyles = dict[str, Style]
"""The host's styles by the `style_key` of their names."""


def own_style(name: str, include: str, exclude: str) -> Style:
    """A style with this name and these prompts, in the grammar. Raises RecipeError."""
    name = _name(name)
    recipe = Recipe.make(include, exclude, width=64, height=64, steps=1, seed=0)
    if any(prompt.scene or prompt.region for prompt in recipe.include):
        raise RecipeError(gettext("A style can't have stories or regions."))
    for prompts in (recipe.include, recipe.exclude):
        length = sum(len(prompt.text) for prompt in prompts)
        if len(prompts) > MAX_STYLE_PROMPTS or length > MAX_STYLE_LENGTH:
            raise RecipeError(
                gettext(
                    "A style can have up to {most} prompts on each side, with {length} characters"
                    " in total.",
                    most=MAX_STYLE_PROMPTS,
                    length=MAX_STYLE_LENGTH,
                )
            )
    return Style(name, recipe.include, recipe.exclude)


def load_host_styles(path: Path | None) -> HostStyles:
    """Reads the host's styles; none without a file. Raises SettingsError."""
    if path is None:
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"STYLES_FILE cannot be read: {error}.") from None
    if len(tables) > MAX_HOST_STYLES:
        raise SettingsError(f"STYLES_FILE has more than {MAX_HOST_STYLES} styles.")
    styles: HostStyles = {}
    for name, table in tables.items():
        style = _from_table(name, table, path.parent)
        if styles.setdefault(style_key(style.name), style) is not style:
            raise SettingsError(f"The style “{name}” in STYLES_FILE has the same name as another.")
    return styles


def _from_table(name: str, table: object, folder: Path) -> Style:
    match table:
        case {"include": str(include), **rest} if set(rest) <= {"exclude", "image"}:
            exclude, image = rest.get("exclude", ""), rest.get("image", "")
        case _:
            exclude = image = None
    if not isinstance(exclude, str) or not isinstance(image, str):
        raise SettingsError(
            f"The style “{name}” in STYLES_FILE must have prompts as include, may have prompts as"
            " exclude and a file as image, and nothing else."
        )
    try:
        style = own_style(name, include, exclude)
    except RecipeError as error:
        raise SettingsError(f"The style “{name}” in STYLES_FILE: {error.message}") from None
    return replace(style, example=_example(name, folder / image)) if image else style


def _example(name: str, file: Path) -> Path:
    """The file, if it is an image. Raises SettingsError."""
    try:
        decode_image(file.read_bytes())
    except (OSError, ImageRejectedError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"The style “{name}” in STYLES_FILE: {file}: {why}") from None
    return file


def _name(typed: str) -> str:
    """The name in canonical form. Raises RecipeError if it is too long, empty or already taken."""
    name = canonical(typed)
    if is_blank(name) or len(name) > MAX_STYLE_NAME:
        raise RecipeError(
            gettext("A style needs a name of up to {most} characters.", most=MAX_STYLE_NAME)
        )
    for language in (ENGLISH, *languages()):
        with use_locale(language):
            none = style_key(name) in (NO_STYLE, style_key(gettext(NO_STYLE_NAME)))
            taken = none or preset_named(name)
        if taken:
            raise name_taken(name)
    return name


def name_taken(name: str) -> RecipeError:
    """The error for a name that another style already has."""
    return RecipeError(gettext("“{name}” is already taken.", name=escape(name)))
