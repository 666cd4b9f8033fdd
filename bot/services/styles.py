"""The styles that a member can choose: those of the server, and those that are built in."""

from bot.installation import guild_id_of
from bot.types import Interaction
from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop
from core.styles import Style, built_in, no_such_style, preset_named

NO_STYLE = "none"
"""The choice of no style, in place of a default."""
NO_STYLE_NAME = gettext_noop("no style")


def is_no_style(typed: str) -> bool:
    """Whether a member has chosen or typed that they want no style."""
    return typed.strip().casefold() in (NO_STYLE, gettext(NO_STYLE_NAME).casefold())


async def existing_style(interaction: Interaction, name: str) -> Style | None:
    """The style of a default, unless it is not here (any more). Raises StoreError."""
    if preset_named(name):
        return built_in(name)
    return await interaction.client.guild_styles.find(guild_id_of(interaction), name)


async def find_style(interaction: Interaction, typed: str) -> Style:
    """The style with this name. Raises RecipeError, StoreError."""
    if style := await existing_style(interaction, typed):
        return style
    own = await interaction.client.guild_styles.all(guild_id_of(interaction))
    raise no_such_style(escape(style.name) for style in own)
