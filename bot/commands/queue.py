"""/queue: running and waiting jobs."""

from discord import app_commands

from bot.components.queue_list import QueueList
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext_noop


@app_commands.command(
    name="queue", description=gettext_noop("See what is in progress and what is waiting")
)
async def queue_command(interaction: Interaction) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        embed, view = await QueueList.draw(interaction)
        await response.edit(embed=embed, view=view)
