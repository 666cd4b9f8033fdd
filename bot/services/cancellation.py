"""Cancels a job in the name of a member."""

from bot import policy
from bot.errors import RefusedError
from bot.services.access import actor_of, check
from bot.types import Interaction
from core.i18n import ENGLISH, say, speaking
from core.job import Job


async def cancel_job(interaction: Interaction, job_id: int) -> Job:
    """Cancels a queued or running job; the cancelled job. Raises RefusedError."""
    job = await interaction.client.store.job(job_id)
    check(policy.may_cancel(job, actor_of(interaction)))
    with speaking(job.locale if job else ENGLISH):
        reason = say("Cancelled by {name}.", name=interaction.user.display_name)
    job = await interaction.client.moderation.cancel_job(job_id, interaction.user.id, reason)
    if job is None:
        raise RefusedError(say("Job #{job} finished before it could be cancelled.", job=job_id))
    return job
