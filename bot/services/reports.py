"""Reports an image to the moderators of its server."""

from bot.errors import RefusedError
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext
from core.job import Job

BLOCK_SECONDS = 7 * 86_400.0
"""How long the button of a report blocks a member."""


async def report_job(interaction: Interaction, job: Job, reason: str | None) -> None:
    """Stores a report for the log channel and `/mod reports`, and thanks the member.

    Raises RefusedError for a job from another server, StoreError.
    """
    if job.guild_id is None or job.guild_id != interaction.guild_id:
        raise RefusedError(gettext("You can only report images of this server."))
    async with acknowledged(interaction, ephemeral=True) as response:
        new = await interaction.client.reports.insert(job, interaction.user.id, reason)
        text = gettext("You have already reported #{job}, and the moderators know.", job=job.id)
        if new:
            text = gettext("Thank you. The moderators will look at #{job}.", job=job.id)
        await response.edit(text)
