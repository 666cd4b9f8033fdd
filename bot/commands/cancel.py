"""/cancel: cancels the member's own job or, for moderators, any job of the channel."""

from discord import app_commands

from bot.commands.autocompletion import in_time, matching_jobs
from bot.errors import RefusedError
from bot.installation import guild_id_of
from bot.services.access import actor_of
from bot.services.cancellation import cancel_job
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext, gettext_noop
from core.job import Job, State


@app_commands.command(
    name="cancel", description=gettext_noop("Cancel an image that is waiting or in progress")
)
@app_commands.describe(job_id=gettext_noop("The job number (default: your latest)"))
@app_commands.rename(job_id="job")
async def cancel_command(
    interaction: Interaction, job_id: app_commands.Range[int, 1] | None = None
) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        if job_id is None:
            own = await _own_jobs(interaction)
            if not own:
                raise RefusedError(gettext("You have no images waiting or in progress here."))
            job_id = max(job.id for job in own)
        name = interaction.user.display_name
        job = await cancel_job(interaction.client, job_id, actor_of(interaction), name)
        await response.edit(gettext("Job #{job} was cancelled.", job=job.id))


@cancel_command.autocomplete("job_id")
async def _suggest(interaction: Interaction, typed: str) -> list[app_commands.Choice[int]]:
    """The member's running and waiting jobs."""
    own = await in_time(_own_jobs(interaction)) or []
    return matching_jobs(typed, ((_name(job), job.id) for job in own))


def _name(job: Job) -> str:
    state = gettext("in progress") if job.state is State.RUNNING else gettext("waiting")
    return f"#{job.id} · {state} · {job.title}"


async def _own_jobs(interaction: Interaction) -> list[Job]:
    """The member's jobs in this server; in direct messages, all of their jobs."""
    jobs = await interaction.client.queue.by_member(interaction.user.id)
    return [job for job in jobs if guild_id_of(interaction) in (job.guild_id, None)]
