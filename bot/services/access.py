"""Who acts, and which jobs they may see: the checks that commands and components start with."""

from bot import policy
from bot.client import ImagineBot
from bot.decisions import Decision, Reason, refuse
from bot.errors import RefusedError
from bot.installation import guild_id_of
from bot.services.admission import channel_context, is_age_restricted_channel, is_moderator
from bot.types import Interaction
from core.i18n import gettext
from core.job import Job, JobKind, State


def actor_of(interaction: Interaction) -> policy.Actor:
    """The member who acts, and where."""
    return policy.Actor(
        member_id=interaction.user.id,
        guild_id=guild_id_of(interaction),
        channel_id=interaction.channel_id,
        moderator=is_moderator(interaction),
        age_restricted=channel_context(interaction).age_restricted,
    )


def check(decision: Decision) -> None:
    """Raises RefusedError unless the decision is yes."""
    if not decision:
        raise RefusedError(decision.refusal)


async def get_visible_job(interaction: Interaction, job_id: int) -> Job:
    """The job, if it is for an image, the member may see it, and it may be shown here.

    Raises RefusedError.
    """
    return await visible_job(interaction.client, job_id, actor_of(interaction))


async def visible_job(bot: ImagineBot, job_id: int, actor: policy.Actor) -> Job:
    """`get_visible_job` for actions without an interaction."""
    job = await _visible_job(bot, job_id, actor)
    if job.kind is not JobKind.IMAGE:
        raise RefusedError(gettext("Job #{job} has no image.", job=job.id))
    return job


async def get_description_job(interaction: Interaction, job_id: int) -> Job:
    """A job that has described an image, if the member may see it. Raises RefusedError."""
    job = await _visible_job(interaction.client, job_id, actor_of(interaction))
    if job.kind is not JobKind.DESCRIPTION or job.state is not State.DONE:
        raise RefusedError(refuse(Reason.JOB_NOT_VISIBLE).refusal)
    return job


async def _visible_job(bot: ImagineBot, job_id: int, actor: policy.Actor) -> Job:
    job = await bot.jobs.get(job_id)
    check(policy.may_see(job, actor))
    assert job is not None
    if job.held:
        raise RefusedError(refuse(Reason.JOB_HELD, job=job.id).refusal)
    check(policy.may_show(job, actor, age_restricted=is_restricted(bot, job)))
    return job


def is_restricted(bot: ImagineBot, job: Job) -> bool:
    """Whether a job is age-restricted; its channel may have become so in the meantime."""
    return job.age_restricted or is_age_restricted_channel(bot.get_channel(job.channel_id))


async def get_finished_job(interaction: Interaction, job_id: int) -> Job:
    """The job, if it is done and the member may see it. Raises RefusedError."""
    return await finished_job(interaction.client, job_id, actor_of(interaction))


async def finished_job(bot: ImagineBot, job_id: int, actor: policy.Actor) -> Job:
    """`get_finished_job` for actions without an interaction."""
    job = await visible_job(bot, job_id, actor)
    if job.state is not State.DONE:
        raise RefusedError(gettext("Job #{job} has no image.", job=job.id))
    return job
