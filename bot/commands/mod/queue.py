"""/mod queue, cancel, remove, up, clear, pause and resume."""

import asyncio

import discord
from discord import app_commands

from bot.commands.cancel import AUTOCOMPLETE_SECONDS, MAX_CHOICE_NAME, MAX_CHOICES
from bot.commands.mod.group import MAX_WHY, Place, answer, guild_of, listed, mod, wait
from bot.components.mod_buttons import clear_buttons
from bot.components.pagination import PAGE, Drawn, entered, show_page
from bot.errors import RefusedError
from bot.services.admission import Interaction
from core.discord_ui.job_message import escaped
from core.i18n import ENGLISH, mark, say, speaking
from core.job import Job, State
from core.moderation import Act

MAX_PROMPT = 80  #: characters of a prompt that are shown

Why = app_commands.Range[str, 1, MAX_WHY]
JobNumber = app_commands.Range[int, 1]


@mod.command(
    name="queue", description=mark("See what is painted and what waits here, and for whom")
)
async def queue(interaction: Interaction) -> None:
    await wait(interaction)
    await show_page(interaction, "modqueue")


@entered("modqueue")
async def _page(interaction: Interaction, page: int, aside: str) -> Drawn:
    moderation, guild_id = interaction.client.moderation, guild_of(interaction)
    count, jobs = await moderation.live(guild_id, limit=PAGE, offset=page * PAGE)
    lines = [_line(job) for job in jobs]
    if pause := (await moderation.guild(guild_id)).pause:
        why = f": {escaped(pause.reason)}" if pause.reason else "."
        since, by = f"<t:{int(pause.since)}:R>", f"<@{pause.by}>"
        lines.insert(0, say("**Paused** {since} by {name}", since=since, name=by) + why)
    return listed(say("Queue of this server"), lines), count


@mod.command(name="cancel", description=mark("Cancel a picture that waits or is being painted"))
@app_commands.describe(job=mark("The number of the job"), why=mark("What its asker is told"))
async def cancel(interaction: Interaction, job: JobNumber, why: Why | None = None) -> None:
    await wait(interaction)
    await _cancel(interaction, Act.CANCEL, job, why)
    await answer(interaction, say("Job #{job} is cancelled.", job=job))


@mod.command(name="remove", description=mark("Take a picture that waits out of the queue"))
@app_commands.describe(job=mark("The number of the job"), why=mark("What its asker is told"))
async def remove(interaction: Interaction, job: JobNumber, why: Why | None = None) -> None:
    await wait(interaction)
    await _cancel(interaction, Act.REMOVE, job, why)
    await answer(interaction, say("Job #{job} is out of the queue.", job=job))


@mod.command(name="up", description=mark("Make a waiting picture the next of this server"))
@app_commands.describe(job=mark("The number of the job"))
async def move_up(interaction: Interaction, job: JobNumber) -> None:
    await wait(interaction)
    bot = interaction.client
    moved = await bot.moderation.move_up(guild_of(interaction), job, interaction.user.id)
    if moved is None:
        raise RefusedError(say("Job #{job} does not wait in this server's queue.", job=job))
    position = await bot.store.position(job)
    told = say("Job #{job} is this server's next: it has begun.", job=job)
    if position:
        told = say(
            "Job #{job} is this server's next: it is at position {n} of the whole queue.",
            job=job,
            n=position,
        )
    await answer(interaction, told)


@mod.command(name="clear", description=mark("Cancel many pictures at once, after a question"))
@app_commands.describe(
    member=mark("Only those of this member"), channel=mark("Only those of this channel")
)
async def clear(
    interaction: Interaction,
    member: discord.User | None = None,
    channel: Place | None = None,
) -> None:
    await wait(interaction)
    member_id, channel_id = member.id if member else None, channel.id if channel else None
    count, _ = await interaction.client.moderation.live(
        guild_of(interaction), member_id=member_id, channel_id=channel_id, limit=0
    )
    if not count:
        await answer(interaction, say("Nothing like that waits or is being painted."))
        return
    whose = [say("of {member}", member=member.mention)] if member else []
    whose += [say("in {channel}", channel=channel.mention)] if channel else []
    question = say("Cancel all {n} that wait or are being painted?", n=count)
    if whose:
        question = say(
            "Cancel all {n} {whose} that wait or are being painted?", n=count, whose=" ".join(whose)
        )
    await interaction.edit_original_response(
        content=question,
        view=clear_buttons(interaction.user.id, member_id, channel_id),
    )


@mod.command(name="pause", description=mark("Paint nothing for this server until it is resumed"))
@app_commands.describe(why=mark("What members are told"))
async def pause(interaction: Interaction, why: Why | None = None) -> None:
    await wait(interaction)
    moderation = interaction.client.moderation
    await moderation.pause(guild_of(interaction), interaction.user.id, why)
    await answer(
        interaction,
        say(
            "Painting is paused on this server. What was being painted goes on from where it is"
            " after `/mod resume`."
        ),
    )


@mod.command(name="resume", description=mark("Go on painting for this server"))
async def resume(interaction: Interaction) -> None:
    await wait(interaction)
    moderation = interaction.client.moderation
    if not await moderation.resume(guild_of(interaction), interaction.user.id):
        raise RefusedError(say("Painting is not paused on this server."))
    await answer(interaction, say("Painting goes on."))


async def _cancel(interaction: Interaction, act: Act, job_id: int, why: str | None) -> None:
    """Raises RefusedError if there is no such job in this server, or it is too late."""
    only_waiting = act is Act.REMOVE
    job = await interaction.client.store.job(job_id)
    with speaking(job.locale if job else ENGLISH):
        reason = say("Cancelled by {name}.", name=interaction.user.display_name)
        if why:
            reason = say("Cancelled by {name}: {why}", name=interaction.user.display_name, why=why)
    cancelled = await interaction.client.moderation.cancel(
        act,
        guild_of(interaction),
        by=interaction.user.id,
        why=why,
        reason=reason,
        job_id=job_id,
        only_waiting=only_waiting,
    )
    if not cancelled:
        refused = say("There is no job #{job} on this server that waits or is painted.", job=job_id)
        if only_waiting:
            refused = say("There is no job #{job} on this server that waits.", job=job_id)
        raise RefusedError(refused)


@cancel.autocomplete("job")
@remove.autocomplete("job")
@move_up.autocomplete("job")
async def _suggest(interaction: Interaction, typed: str) -> list[app_commands.Choice[int]]:
    """The server's jobs, those that fit what was typed so far."""
    try:
        async with asyncio.timeout(AUTOCOMPLETE_SECONDS):
            _, jobs = await interaction.client.moderation.live(guild_of(interaction), limit=200)
    except TimeoutError:
        return []
    named = [
        (f"#{job.id} · {job.member_name} · {job.recipe.title}"[:MAX_CHOICE_NAME], job.id)
        for job in jobs
    ]
    wanted = typed.strip().casefold()
    return [
        app_commands.Choice(name=name, value=job_id)
        for name, job_id in named
        if wanted in name.casefold()
    ][:MAX_CHOICES]


def _line(job: Job) -> str:
    state = say("waits")
    if job.state is State.RUNNING:
        state = say("step {step}/{steps}", step=job.step, steps=job.recipe.steps)
    prompt = job.recipe.title
    if len(prompt) > MAX_PROMPT:
        prompt = prompt[: MAX_PROMPT - 1] + "…"
    member, channel = f"<@{job.member_id}>", f"<#{job.channel_id}>"
    whose = say("{member} in {channel}", member=member, channel=channel)
    return f"#{job.id} · {state} · {whose} · {escaped(prompt)}"
