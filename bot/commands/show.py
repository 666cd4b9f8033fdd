"""/show: a job by its number, with its pictures, its recipe and its relatives."""

from discord import app_commands

from bot.services.job_views import show_job
from bot.services.submission import Interaction, seen
from core.i18n import mark


@app_commands.command(
    name="show", description=mark("See a picture, and all that decided it, by number")
)
@app_commands.describe(job_id=mark("The number of the job, as its card says"))
@app_commands.rename(job_id="job")
async def show_command(interaction: Interaction, job_id: app_commands.Range[int, 1]) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    await show_job(interaction, await seen(interaction, job_id))
