"""Choices of command options, in the member's language."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from discord import app_commands
from discord.app_commands import Choice, locale_str

from bot import policy
from bot.commands.autocompletion import in_time, matching_texts
from bot.services.preferences import preferred_model
from bot.services.styles import added_styles
from bot.types import Interaction
from core.discord_ui.limits import MAX_CHOICES
from core.i18n import gettext, gettext_noop
from core.palette import PALETTES
from core.pattern import Symmetry, Tile
from core.regions import REGIONS
from core.styles import MAX_STYLE_NAME, NO_STYLE, NO_STYLE_NAME, styles_for

Callback = TypeVar("Callback", bound=Callable[..., Any])
StyleName = app_commands.Range[str, 1, MAX_STYLE_NAME]


def model_option(models: Sequence[str], description: str) -> Callable[[Callback], Callback]:
    """Decorates a command's callback: `model` gets these choices, or is left out if there is one.

    Below `app_commands.command`, because that reads the callback's signature.
    """

    def decorate(callback: Callback) -> Callback:
        if len(models) > 1:
            choices = [Choice(name=name, value=name) for name in models]
            described = app_commands.describe(model=description)(callback)
            return app_commands.choices(model=choices)(described)
        signature = inspect.signature(callback)
        kept = [each for name, each in signature.parameters.items() if name != "model"]
        callback.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
        return callback

    return decorate


async def _model(interaction: Interaction) -> str:
    """The model that is chosen in this command, or the one that is used otherwise."""
    typed: str | None = getattr(interaction.namespace, "model", None)
    settings = interaction.client.settings
    if typed in settings.offered_models:
        return typed
    return await in_time(preferred_model(interaction)) or settings.model


async def suggest_sizes(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """The sizes and aspect ratios that the model offers; others can be typed."""
    offered = policy.menu(await _model(interaction)).suggested
    labels = {gettext(size.label, size=size.name): size.name for size in offered}
    wanted = typed.strip().casefold()
    return [Choice(name=n, value=v) for n, v in labels.items() if wanted in n.casefold()]


def tiles() -> list[Choice[str]]:
    """The directions in which an image can repeat."""
    names = {
        Tile.BOTH: gettext_noop("In both directions"),
        Tile.ACROSS: gettext_noop("From left to right"),
        Tile.DOWN: gettext_noop("From top to bottom"),
    }
    return [Choice(name=locale_str(name), value=tile.value) for tile, name in names.items()]


def symmetries() -> list[Choice[str]]:
    """The symmetries that an image can have."""
    names = {
        Symmetry.LEFT_RIGHT: gettext_noop("Mirror left and right"),
        Symmetry.TOP_BOTTOM: gettext_noop("Mirror top and bottom"),
        Symmetry.BOTH: gettext_noop("Mirror both"),
        Symmetry.HALF_TURN: gettext_noop("The same upside down"),
        Symmetry.QUARTER_TURN: gettext_noop("The same after a quarter turn (square images)"),
    }
    return [Choice(name=locale_str(name), value=each.value) for each, name in names.items()]


async def suggest_palettes(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Named palettes; other colours can be typed."""
    return matching_texts(typed, PALETTES)


async def suggest_regions(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Named regions; a box can be typed."""
    return matching_texts(typed, REGIONS)


async def suggest_styles(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """The added styles, and the presets that suit the model, in the member's language."""
    added = [style.name for style in await in_time(added_styles(interaction)) or ()]
    presets = map(gettext, styles_for(await _model(interaction)))
    return matching_texts(typed, dict.fromkeys((*added, *presets)))


async def suggest_styles_or_none(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Like `suggest_styles`, with the choice of no style first."""
    return or_none(NO_STYLE_NAME, typed, await suggest_styles(interaction, typed))


def or_none(name: str, typed: str, choices: list[Choice[str]]) -> list[Choice[str]]:
    """The choices, preceded by that of none, called `name`, if that contains what was typed."""
    none = Choice(name=gettext(name), value=NO_STYLE)
    fits = typed.strip().casefold() in none.name.casefold()
    return [*([none] if fits else []), *choices][:MAX_CHOICES]
