"""/cancel: takes a job back, one's own or, for moderators, anybody's in their channel."""

import asyncio

from discord import app_commands

from bot import policy
from bot.errors import RefusedError
from bot.services.submission import Interaction, asker_of, check
from core.i18n import ENGLISH, mark, say, speaking
from core.job import Job, State
from core.moderation import Act

AUTOCOMPLETE_SECONDS = 2.0
"""Discord takes suggestions for three seconds; without any, a number can still be typed."""

MAX_CHOICES, MAX_CHOICE_NAME = 25, 100


async def cancel(interaction: Interaction, job_id: int) -> Job:
    """Cancels a job in the name of the member who acts; the cancelled job. Raises RefusedError."""
    store = interaction.client.store
    job = await store.job(job_id)
    check(policy.may_cancel(job, asker_of(interaction)))
    with speaking(job.locale if job else ENGLISH):
        reason = say("Cancelled by {name}.", name=interaction.user.display_name)
    job = await store.cancel(job_id, reason=reason)
    if job is None:
        raise RefusedError(
            say("Job #{job} came to its end just before you cancelled it.", job=job_id)
        )
    await interaction.client.moderation.acted(Act.CANCEL, job, interaction.user.id)
    return job


@app_commands.command(
    name="cancel", description=mark("Cancel a picture that waits or is being painted")
)
@app_commands.describe(
    job_id=mark("The number of the job; without one, the latest that you asked for")
)
@app_commands.rename(job_id="job")
async def cancel_command(
    interaction: Interaction, job_id: app_commands.Range[int, 1] | None = None
) -> None:
    await interaction.response.defer(ephemeral=True)
    if job_id is None:
        own = await _own_jobs(interaction)
        if not own:
            raise RefusedError(say("You have nothing waiting or being painted here."))
        job_id = max(job.id for job in own)
    job = await cancel(interaction, job_id)
    await interaction.edit_original_response(content=say("Job #{job} is cancelled.", job=job.id))


@cancel_command.autocomplete("job_id")
async def _suggest(interaction: Interaction, typed: str) -> list[app_commands.Choice[int]]:
    """One's own jobs, those that fit what was typed so far."""
    try:
        async with asyncio.timeout(AUTOCOMPLETE_SECONDS):
            own = await _own_jobs(interaction)
    except TimeoutError:
        return []
    choices = [app_commands.Choice(name=_choice_name(job), value=job.id) for job in own]
    wanted = typed.strip().casefold()
    return [choice for choice in choices if wanted in choice.name.casefold()][:MAX_CHOICES]


def _choice_name(job: Job) -> str:
    state = say("being painted") if job.state is State.RUNNING else say("waiting")
    name = f"#{job.id} · {state} · {job.recipe.title}"
    return name if len(name) <= MAX_CHOICE_NAME else name[: MAX_CHOICE_NAME - 1] + "…"


async def _own_jobs(interaction: Interaction) -> list[Job]:
    jobs = await interaction.client.store.members_jobs(interaction.user.id)
    return [job for job in jobs if job.guild_id == interaction.guild_id]
