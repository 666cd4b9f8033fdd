"""/mod reports: the review queue of reported and held images."""

from discord import app_commands

from bot.commands.mod.parameters import guild_of
from bot.components.review_queue import review_page
from bot.services.moderator_access import issue_pass
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext_noop


@app_commands.command(name="reports", description=gettext_noop("Review reported and held images"))
async def reports(interaction: Interaction) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        access = issue_pass(interaction)
        layout, files = await review_page(interaction, guild_of(interaction), access)
        await response.edit(view=layout, attachments=files)
