"""/mod queue, cancel, remove, up, clear, pause and resume."""

import discord
from discord import app_commands

from bot.commands.autocompletion import in_time, matching_jobs
from bot.commands.mod.parameters import (
    AnyModCommand,
    ChannelOption,
    JobNumber,
    ReasonText,
    guild_of,
)
from bot.components.moderation_buttons import clear_buttons
from bot.components.moderation_lists import ModQueueList
from bot.errors import RefusedError
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext, gettext_noop, ngettext
from core.job import Reason, ReasonCode


@app_commands.command(
    name="queue",
    description=gettext_noop("See what is in progress and waiting on this server, and for whom"),
)
async def queue(interaction: Interaction) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        embed, view = await ModQueueList.first_page(interaction)
        await response.edit(embed=embed, view=view)


@app_commands.command(
    name="cancel", description=gettext_noop("Cancel an image that is waiting or in progress")
)
@app_commands.describe(
    job=gettext_noop("The job number"), why=gettext_noop("The reason, which members can see")
)
async def cancel(interaction: Interaction, job: JobNumber, why: ReasonText | None = None) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        cancelled = await interaction.client.moderation_queue.cancel(
            guild_of(interaction),
            job,
            actor_id=interaction.user.id,
            reason=_reason(interaction, why),
            why=why,
        )
        if cancelled is None:
            raise RefusedError(
                gettext("There is no job #{job} waiting or in progress on this server.", job=job)
            )
        await response.edit(gettext("Job #{job} was cancelled.", job=job))


@app_commands.command(
    name="remove", description=gettext_noop("Remove a waiting image from the queue")
)
@app_commands.describe(
    job=gettext_noop("The job number"), why=gettext_noop("The reason, which members can see")
)
async def remove(interaction: Interaction, job: JobNumber, why: ReasonText | None = None) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        removed = await interaction.client.moderation_queue.remove(
            guild_of(interaction),
            job,
            actor_id=interaction.user.id,
            reason=_reason(interaction, why),
            why=why,
        )
        if removed is None:
            raise RefusedError(gettext("There is no job #{job} waiting on this server.", job=job))
        await response.edit(gettext("Job #{job} was removed from the queue.", job=job))


@app_commands.command(
    name="up", description=gettext_noop("Move a waiting image to the front of this server's queue")
)
@app_commands.describe(job=gettext_noop("The job number"))
async def move_up(interaction: Interaction, job: JobNumber) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        bot = interaction.client
        moved = await bot.moderation_queue.move_up(guild_of(interaction), job, interaction.user.id)
        if moved is None:
            raise RefusedError(
                gettext("Job #{job} is not waiting in this server's queue.", job=job)
            )
        position = await bot.queue.position(job)
        text = gettext("Job #{job} is next on this server, and has already started.", job=job)
        if position:
            text = gettext(
                "Job #{job} is next on this server, at position {n} of the whole queue.",
                job=job,
                n=position,
            )
        await response.edit(text)


@app_commands.command(
    name="clear", description=gettext_noop("Cancel all jobs of a member, a channel or the server")
)
@app_commands.describe(
    member=gettext_noop("Only jobs of this member"),
    channel=gettext_noop("Only jobs of this channel"),
)
async def clear(
    interaction: Interaction,
    member: discord.User | None = None,
    channel: ChannelOption | None = None,
) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        member_id, channel_id = member.id if member else None, channel.id if channel else None
        count, _ = await interaction.client.moderation_queue.page(
            guild_of(interaction), member_id=member_id, channel_id=channel_id, limit=0
        )
        if not count:
            await response.edit(gettext("There is nothing to cancel."))
            return
        question = ngettext(
            "Cancel {n} job that is waiting or in progress?",
            "Cancel all {n} jobs that are waiting or in progress?",
            count,
        )
        scope = [gettext("Member: {member}", member=member.mention)] if member else []
        scope += [gettext("Channel: {channel}", channel=channel.mention)] if channel else []
        await response.edit(
            "\n".join((question, *scope)), view=clear_buttons(interaction, member_id, channel_id)
        )


@app_commands.command(
    name="pause", description=gettext_noop("Stop creating images for this server until you resume")
)
@app_commands.describe(why=gettext_noop("The reason, which members can see"))
async def pause(interaction: Interaction, why: ReasonText | None = None) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        moderation_queue = interaction.client.moderation_queue
        await moderation_queue.pause(guild_of(interaction), interaction.user.id, why)
        await response.edit(
            gettext(
                "Imagine is paused on this server. Images in progress will continue from where they"
                " are after `/mod resume`."
            )
        )


@app_commands.command(
    name="resume", description=gettext_noop("Resume creating images for this server")
)
async def resume(interaction: Interaction) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        moderation_queue = interaction.client.moderation_queue
        if not await moderation_queue.resume(guild_of(interaction), interaction.user.id):
            raise RefusedError(gettext("Imagine is not paused on this server."))
        await response.edit(gettext("Imagine is running again on this server."))


QUEUE_COMMANDS: tuple[AnyModCommand, ...] = (queue, cancel, remove, move_up, clear, pause, resume)


def _reason(interaction: Interaction, why: str | None) -> Reason:
    """Why the job was cancelled, for its member."""
    name = interaction.user.display_name
    if why is None:
        return Reason(ReasonCode.CANCELLED_BY, {"name": name})
    return Reason(ReasonCode.CANCELLED_BY_MODERATOR, {"name": name, "why": why})


@cancel.autocomplete("job")
@remove.autocomplete("job")
@move_up.autocomplete("job")
async def _suggest(interaction: Interaction, typed: str) -> list[app_commands.Choice[int]]:
    """The server's running and waiting jobs."""
    page = interaction.client.moderation_queue.page(guild_of(interaction), limit=200)
    _, jobs = await in_time(page) or (0, [])
    named = ((f"#{job.id} · {job.member_name} · {job.title}", job.id) for job in jobs)
    return matching_jobs(typed, named)
