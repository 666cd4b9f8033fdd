"""/queue: what is being painted and what waits, for the one who asks."""

from collections.abc import Iterator

import discord
from discord import app_commands

from bot.client import ImagineBot
from jobs.card import escaped
from jobs.job import Job

SHOWN = 20
"""Waiting jobs that are listed."""

MAX_PROMPT = 60  #: characters of a prompt that are shown

Interaction = discord.Interaction[ImagineBot]


@app_commands.command(name="queue", description="See what is being painted and what waits")
async def queue_command(interaction: Interaction) -> None:
    await interaction.response.defer(ephemeral=True)
    store = interaction.client.store
    running, waiting = await store.running(), await store.waiting(limit=SHOWN)
    count = await store.waiting_count()
    shown = {job.id for job in waiting}
    own = await store.members_jobs(interaction.user.id)
    further = [
        (place, job)
        for job in own
        if job.id not in shown and (place := await store.position(job.id)) is not None
    ]
    embed = discord.Embed(title="Queue", colour=discord.Colour.blurple())
    embed.description = "\n".join(_lines(interaction, running, waiting, count, further))
    await interaction.edit_original_response(embed=embed)


def _lines(
    interaction: Interaction,
    running: list[Job],
    waiting: list[Job],
    count: int,
    further: list[tuple[int, Job]],
) -> Iterator[str]:
    """What is painted, what waits, and one's own jobs `further` down with their places."""
    if not running and not waiting:
        yield "Nothing waits: `/imagine` is answered at once."
        return
    if running:
        yield "**Being painted**"
        for job in running[:SHOWN]:
            yield f"{job.step}/{job.recipe.steps} · {_line(interaction, job)}"
    if waiting:
        yield f"**Waiting** ({count})"
        for place, job in [*enumerate(waiting, start=1), *further]:
            yield f"{place}. {_line(interaction, job)}"
    if count > len(waiting) + len(further):
        yield f"… and {count - len(waiting) - len(further)} more."


def _line(interaction: Interaction, job: Job) -> str:
    """A job, as much of it as this member may see: prompts stay in their own channel."""
    if job.guild_id != interaction.guild_id:
        return "in another server"
    own = job.member_id == interaction.user.id
    who = "**yours**" if own else escaped(job.member_name)
    if not own and job.channel_id != interaction.channel_id:
        return f"#{job.id} · {who} · in another channel"
    prompt = job.recipe.title
    if len(prompt) > MAX_PROMPT:
        prompt = prompt[: MAX_PROMPT - 1] + "…"
    return f"#{job.id} · {who} · {escaped(prompt)}"
