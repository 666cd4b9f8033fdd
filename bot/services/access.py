"""Who acts, and which jobs they may see: what commands and components check first."""

from bot import policy
from bot.decisions import Decision, Reason, refuse
from bot.errors import RefusedError
from bot.services.admission import channel_context, is_age_restricted_channel, is_moderator
from bot.types import Interaction
from core.i18n import gettext
from core.job import Job, JobKind, State


def actor_of(interaction: Interaction) -> policy.Actor:
    """The member who acts, and where."""
    return policy.Actor(
        member_id=interaction.user.id,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        moderator=is_moderator(interaction),
        age_restricted=channel_context(interaction).age_restricted,
    )


def check(decision: Decision) -> None:
    """Raises RefusedError unless the decision is yes."""
    if not decision:
        raise RefusedError(decision.refusal)


async def get_visible_job(interaction: Interaction, job_id: int) -> Job:
    """The job of an image, if the member may see it and it may be shown here.

    Raises RefusedError.
    """
    job = await _visible_job(interaction, job_id)
    if job.kind is not JobKind.IMAGE:
        raise RefusedError(gettext("Job #{job} has no image.", job=job.id))
    return job


async def get_description_job(interaction: Interaction, job_id: int) -> Job:
    """A job that has described an image, if the member may see it. Raises RefusedError."""
    job = await _visible_job(interaction, job_id)
    if job.kind is not JobKind.DESCRIPTION or job.state is not State.DONE:
        raise RefusedError(refuse(Reason.JOB_NOT_VISIBLE).refusal)
    return job


async def _visible_job(interaction: Interaction, job_id: int) -> Job:
    job, actor = await interaction.client.jobs.get(job_id), actor_of(interaction)
    check(policy.may_see(job, actor))
    assert job is not None
    if job.held:
        raise RefusedError(refuse(Reason.JOB_HELD, job=job.id).refusal)
    # The channel may have become age-restricted in the meantime.
    channel = interaction.client.get_channel(job.channel_id)
    restricted = job.age_restricted or is_age_restricted_channel(channel)
    check(policy.may_show(job, actor, age_restricted=restricted))
    return job


async def get_finished_job(interaction: Interaction, job_id: int) -> Job:
    """The job, if it is done and the member may see it. Raises RefusedError."""
    job = await get_visible_job(interaction, job_id)
    if job.state is not State.DONE:
        raise RefusedError(gettext("Job #{job} has no image.", job=job.id))
    return job
