"""Cancels a job, or deletes its images, on behalf of a member."""

from bot import policy
from bot.client import ImagineBot
from bot.errors import RefusedError
from bot.services.access import check
from core.i18n import gettext
from core.job import Job, Reason, ReasonCode


async def cancel_job(bot: ImagineBot, job_id: int, actor: policy.Actor, name: str) -> Job:
    """Cancels a queued or running job and returns it. Raises RefusedError.

    `name` is the actor's name, for the job message.
    """
    job = await bot.jobs.get(job_id)
    check(policy.may_cancel(job, actor))
    reason = Reason(ReasonCode.CANCELLED_BY, {"name": name})
    job = await bot.jobs.cancel(job_id, reason=reason, actor_id=actor.member_id)
    if job is None:
        raise RefusedError(gettext("Job #{job} finished before it could be cancelled.", job=job_id))
    return job


async def delete_job(bot: ImagineBot, job_id: int, actor: policy.Actor) -> None:
    """Deletes the images and messages of a job that has ended. Raises RefusedError."""
    check(policy.may_delete(await bot.jobs.get(job_id), actor))
    await bot.deletions.delete_job(job_id, actor.member_id)
