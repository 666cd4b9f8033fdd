"""Cancels a job on behalf of a member."""

from bot import policy
from bot.errors import RefusedError
from bot.services.access import actor_of, check
from bot.types import Interaction
from core.i18n import gettext
from core.job import Job, Reason, ReasonCode


async def cancel_job(interaction: Interaction, job_id: int) -> Job:
    """Cancels a queued or running job; the cancelled job. Raises RefusedError."""
    bot = interaction.client
    job = await bot.jobs.get(job_id)
    check(policy.may_cancel(job, actor_of(interaction)))
    reason = Reason(ReasonCode.CANCELLED_BY, {"name": interaction.user.display_name})
    job = await bot.jobs.cancel(job_id, reason=reason, actor_id=interaction.user.id)
    if job is None:
        raise RefusedError(gettext("Job #{job} finished before it could be cancelled.", job=job_id))
    return job
