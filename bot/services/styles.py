"""The styles that a member can choose: the server's, the host's, and those that are built in."""

from bot.installation import guild_id_of
from bot.types import Interaction
from core.discord_ui.text import escape
from core.i18n import gettext
from core.styles import (
    NO_STYLE,
    NO_STYLE_NAME,
    Style,
    built_in_style,
    no_such_style,
    preset_named,
    style_key,
    styles_for,
)


def is_no_style(typed: str) -> bool:
    """Whether a member has chosen or typed that they want no style."""
    return typed.strip().casefold() in (NO_STYLE, gettext(NO_STYLE_NAME).casefold())


def global_style(interaction: Interaction, name: str) -> Style | None:
    """The style with this name on all servers: built in, or added by the host."""
    if preset_named(name):
        return built_in_style(name)
    return interaction.client.host_styles.get(style_key(name))


async def existing_style(interaction: Interaction, name: str) -> Style | None:
    """The style with this name, if it exists here. Raises StoreError."""
    if style := global_style(interaction, name):
        return style
    return await interaction.client.guild_styles.find(guild_id_of(interaction), name)


async def find_style(interaction: Interaction, typed: str, model: str) -> Style:
    """The style with this name, for this model. Raises RecipeError, StoreError.

    Built-in styles that don't suit the model are refused: it knows none of their words.
    """
    suitable = styles_for(model)
    style = await existing_style(interaction, typed)
    if style and (style.name in suitable or not preset_named(style.name)):
        return style
    own = [escape(style.name) for style in await added_styles(interaction)]
    raise no_such_style(own, suitable)


async def added_styles(interaction: Interaction) -> list[Style]:
    """The server's own styles, and those that the host has added. Raises StoreError."""
    bot = interaction.client
    own = await bot.guild_styles.all(guild_id_of(interaction))
    return [*own, *bot.host_styles.values()]
