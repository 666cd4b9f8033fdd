"""Choices of command options, in the member's language."""

from discord.app_commands import Choice, locale_str

from bot import policy
from bot.commands.autocompletion import matching_texts
from bot.services.preferences import NO_STYLE
from bot.types import Interaction
from core.i18n import gettext, gettext_noop
from core.palette import NAMED
from core.pattern import Symmetry, Tile
from core.regions import REGIONS
from core.styles import suiting


async def suggest_sizes(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """The sizes and aspect ratios that the model offers; others can be typed."""
    offered = policy.menu(interaction.client.settings.model).suggested
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
    return matching_texts(typed, NAMED)


async def suggest_regions(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Named regions; a box can be typed."""
    return matching_texts(typed, REGIONS)


async def suggest_styles(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """The styles that suit the model, by their names in the member's language."""
    names = map(gettext, suiting(interaction.client.settings.model))
    return matching_texts(typed, names)


def no_style() -> Choice[str]:
    """The choice of none, whatever the default is."""
    return Choice(name=locale_str(gettext_noop("no style")), value=NO_STYLE)


def styles_for(model: str) -> list[Choice[str]]:
    """The styles that suit a model."""
    return [Choice(name=locale_str(name), value=name) for name in suiting(model)]
