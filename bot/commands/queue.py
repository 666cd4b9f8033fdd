"""/queue: what is being painted and what waits, by pages, with one's own on top."""

from collections.abc import Iterator

import discord
from discord import app_commands

from bot.components.pagination import PAGE, Drawn, entered, show_page
from bot.services.submission import Interaction
from core.discord_ui.job_message import about, escaped
from core.i18n import mark, say
from core.job import Job

MAX_PROMPT = 60  #: characters of a prompt that are shown


@app_commands.command(name="queue", description=mark("See what is being painted and what waits"))
async def queue_command(interaction: Interaction) -> None:
    await interaction.response.defer(ephemeral=True)
    await show_page(interaction, "queue")


@entered("queue")
async def _page(interaction: Interaction, page: int, aside: str) -> Drawn:
    store = interaction.client.store
    count = await store.waiting_count()
    waiting = await store.waiting(limit=PAGE, offset=page * PAGE)
    embed = discord.Embed(title=say("Queue"), colour=discord.Colour.blurple())
    running = await store.running()
    lines = [*await _pause(interaction), *_own(interaction, await _places(interaction))]
    if running:
        lines.append(say("**Being painted**"))
        lines += [_running(interaction, job) for job in running[:PAGE]]
    if waiting:
        first = page * PAGE + 1
        lines.append(say("**Waiting** ({count})", count=count))
        lines += [f"{n}. {_line(interaction, job)}" for n, job in enumerate(waiting, start=first)]
    nothing = say("Nothing waits: `/imagine` is answered at once.")
    embed.description = "\n".join(lines) or nothing
    return embed, count


async def _pause(interaction: Interaction) -> list[str]:
    """What the moderators say of a pause, if there is one."""
    pause = (await interaction.client.moderation.guild(interaction.guild_id)).pause
    if pause is None:
        return []
    why = f": {escaped(pause.reason)}" if pause.reason else "."
    return [say("**The moderators have paused painting here**") + why]


async def _places(interaction: Interaction) -> list[tuple[Job, int, float | None]]:
    """One's own waiting jobs, the first of them, with place and seconds to wait."""
    store = interaction.client.store
    places = []
    for job in (await store.members_jobs(interaction.user.id))[:PAGE]:
        if (place := await store.position(job.id)) is not None:
            places.append((job, place, await store.wait_seconds(job.id)))
    return places


def _own(interaction: Interaction, places: list[tuple[Job, int, float | None]]) -> Iterator[str]:
    if places:
        yield say("**Yours**")
    for job, place, wait in places:
        left = f" · {about(wait)}" if wait is not None else ""
        yield f"{place}.{left} · {_line(interaction, job)}"


def _running(interaction: Interaction, job: Job) -> str:
    return f"{job.step}/{job.recipe.steps} · {_line(interaction, job)}"


def _line(interaction: Interaction, job: Job) -> str:
    """A job, as much of it as this member may see: prompts stay in their own channel."""
    if job.guild_id != interaction.guild_id:
        return say("in another server")
    own = job.member_id == interaction.user.id
    who = say("**yours**") if own else escaped(job.member_name)
    if not own and job.channel_id != interaction.channel_id:
        return f"#{job.id} · {who} · " + say("in another channel")
    prompt = job.recipe.title
    if len(prompt) > MAX_PROMPT:
        prompt = prompt[: MAX_PROMPT - 1] + "…"
    return f"#{job.id} · {who} · {escaped(prompt)}"
