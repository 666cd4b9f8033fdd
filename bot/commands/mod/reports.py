"""/mod reports: open reports of images."""

from discord import app_commands

from bot.commands.mod.parameters import guild_of
from bot.services.audit_log_feed import held_images, report_buttons, report_embed
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext, gettext_noop, ngettext


@app_commands.command(
    name="reports", description=gettext_noop("See images that members have reported")
)
async def reports(interaction: Interaction) -> None:
    """Shows the oldest open report with its buttons; once it is closed, the next is the oldest."""
    async with acknowledged(interaction, ephemeral=True) as response:
        bot = interaction.client
        count, oldest = await bot.reports.open(guild_of(interaction), limit=1)
        if not oldest:
            await response.edit(gettext("There are no open reports."))
            return
        (report,) = oldest
        job = await bot.jobs.get(report.job_id)
        await response.edit(
            ngettext("{n} open report:", "{n} open reports. The oldest:", count),
            embed=report_embed(report, job),
            view=report_buttons(report),
            attachments=await held_images(bot, job),
        )
