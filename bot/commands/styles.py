"""/styles: the styles that can be chosen here, and what one of them does."""

import asyncio
import io
from collections.abc import Callable

import discord
from discord import app_commands
from PIL import Image

from bot.commands.choices import StyleName, suggest_styles
from bot.components.moderation_lists import list_embed
from bot.installation import guild_id_of
from bot.services.admission import channel_context
from bot.services.preferences import preferred_model
from bot.services.responses import acknowledged
from bot.services.styles import find_style
from bot.types import Interaction
from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop
from core.prompts import format_prompts
from core.storage.uploaded_images import ImageRejectedError, decode_image, load_image
from core.styles import Style, style_label, styles_for


@app_commands.command(
    name="styles", description=gettext_noop("See the styles of this server, or what one does")
)
@app_commands.describe(style=gettext_noop("The style to look at"))
@app_commands.autocomplete(style=suggest_styles)
async def styles_command(interaction: Interaction, style: StyleName | None = None) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        if style is None:
            await response.edit(embed=await _all(interaction))
            return
        shown = await find_style(interaction, style, await preferred_model(interaction))
        example = await _example(interaction, shown)
        await response.edit(embed=_one(shown), attachments=[example] if example else [])


async def _all(interaction: Interaction) -> discord.Embed:
    lines = []
    if own := await interaction.client.guild_styles.all(guild_id_of(interaction)):
        names = " · ".join(escape(style.name) for style in own)
        lines.append(gettext("**Of this server** {styles}", styles=names))
    bot = interaction.client
    presets = map(gettext, styles_for(await preferred_model(interaction)))
    added = (escape(style.name) for style in bot.host_styles.values())
    lines.append(gettext("**Built in** {styles}", styles=" · ".join((*added, *presets))))
    lines.append(gettext("Choose one with `/imagine style:`, or as your default with `/prefer`."))
    return list_embed(gettext("Styles"), lines)


def _one(style: Style) -> discord.Embed:
    lines = [gettext("**Include** {prompts}", prompts=escape(format_prompts(style.include)))]
    if style.exclude:
        excluded = escape(format_prompts(style.exclude))
        lines.append(gettext("**Exclude** {prompts}", prompts=excluded))
    return list_embed(escape(style_label(style.name)), lines)


async def _example(interaction: Interaction, style: Style) -> discord.File | None:
    """The example of an added style, if it has one that may be shown here and still exists."""
    bot = interaction.client
    if style.example:
        file = style.example
        return await asyncio.to_thread(_file, lambda: decode_image(file.read_bytes()))
    example = await bot.guild_styles.example(guild_id_of(interaction) or 0, style.name)
    if example is None or (
        example.age_restricted and not channel_context(interaction).age_restricted
    ):
        return None
    folder = bot.settings.data_dir
    return await asyncio.to_thread(
        _file, lambda: load_image(example.image, folder), spoilered=example.spoilered
    )


def _file(load: Callable[[], Image.Image], *, spoilered: bool = False) -> discord.File | None:
    """An image as a file; None if it is gone or damaged: then only the text is shown."""
    try:
        image = load()
    except (OSError, ImageRejectedError):
        return None
    png = io.BytesIO()
    image.save(png, "PNG")
    png.seek(0)
    return discord.File(png, "example.png", spoiler=spoilered)
