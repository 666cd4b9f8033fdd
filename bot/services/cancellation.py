"""Cancels a job in the name of a member."""

from bot import policy
from bot.errors import RefusedError
from bot.services.access import actor_of, check
from bot.types import Interaction
from core.i18n import ENGLISH, say, speaking
from core.job import Job
from core.moderation import Act


async def cancel_job(interaction: Interaction, job_id: int) -> Job:
    """Cancels a queued or running job; the cancelled job. Raises RefusedError."""
    store = interaction.client.store
    job = await store.job(job_id)
    check(policy.may_cancel(job, actor_of(interaction)))
    with speaking(job.locale if job else ENGLISH):
        reason = say("Cancelled by {name}.", name=interaction.user.display_name)
    job = await store.cancel(job_id, reason=reason)
    if job is None:
        raise RefusedError(say("Job #{job} finished before it could be cancelled.", job=job_id))
    await interaction.client.moderation.acted(Act.CANCEL, job, interaction.user.id)
    return job
