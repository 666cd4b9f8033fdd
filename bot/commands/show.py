"""/show: a job by its number, with its images and its full recipe."""

from discord import app_commands

from bot.services.access import get_visible_job
from bot.services.job_views import show_job
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext_noop


@app_commands.command(
    name="show", description=gettext_noop("See an image by number, with its full recipe")
)
@app_commands.describe(job_id=gettext_noop("The job number, shown in its message"))
@app_commands.rename(job_id="job")
async def show_command(interaction: Interaction, job_id: app_commands.Range[int, 1]) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        await show_job(response, await get_visible_job(interaction, job_id))
