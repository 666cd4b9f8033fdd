"""/history: a member's own images, all or only those with some words or favourites."""

from discord import app_commands

from bot.components.history_list import HistoryList, history_filter
from bot.components.pagination import MAX_FILTER
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext_noop


@app_commands.command(name="history", description=gettext_noop("See the images you requested"))
@app_commands.describe(
    words=gettext_noop("Only images whose prompts contain these words"),
    favourites=gettext_noop("Only favourites"),
)
async def history_command(
    interaction: Interaction,
    words: app_commands.Range[str, 0, MAX_FILTER - 1] = "",
    favourites: bool = False,
) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        filter_text = history_filter(words, favourites)
        layout, thumbnails = await HistoryList.draw(interaction, 0, filter_text)
        await response.edit(view=layout, attachments=thumbnails)
