"""The styles that a member can choose: the server's, the host's, and those that are built in."""

from bot.installation import guild_id_of
from bot.types import Interaction
from core.discord_ui.text import escape
from core.i18n import gettext
from core.styles import (
    NO_STYLE,
    NO_STYLE_NAME,
    Style,
    built_in,
    no_such_style,
    preset_named,
    style_key,
    suiting,
)


def is_no_style(typed: str) -> bool:
    """Whether a member has chosen or typed that they want no style."""
    return typed.strip().casefold() in (NO_STYLE, gettext(NO_STYLE_NAME).casefold())


def everywhere(interaction: Interaction, name: str) -> Style | None:
    """A style of all servers: one that is built in, or that the host has added."""
    if preset_named(name):
        return built_in(name)
    return interaction.client.host_styles.get(style_key(name))


async def existing_style(interaction: Interaction, name: str) -> Style | None:
    """The style of a default, if it (still) exists here. Raises StoreError."""
    if style := everywhere(interaction, name):
        return style
    return await interaction.client.guild_styles.find(guild_id_of(interaction), name)


async def find_style(interaction: Interaction, typed: str) -> Style:
    """The style with this name. Raises RecipeError, StoreError.

    A built-in style must suit the model, or the model knows none of its words.
    """
    suitable = suiting(interaction.client.settings.model)
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
