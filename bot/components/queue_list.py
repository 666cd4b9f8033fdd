"""The list of /queue: running and waiting jobs, with the member's own at the top."""

from collections.abc import Iterator

import discord

from bot.components.pagination import PAGE_SIZE, Page, PagedList
from bot.installation import guild_id_of
from bot.types import Interaction
from core.discord_ui.job_message import duration_text
from core.discord_ui.text import escape
from core.i18n import gettext
from core.job import Job

MAX_PROMPT = 60  #: characters of a prompt that are shown
MAX_NAME = 35  #: characters of a member's name that are shown


class QueueList(PagedList, name="queue"):
    @classmethod
    async def page(cls, interaction: Interaction, number: int, filter_text: str) -> Page:
        queue = interaction.client.queue
        count = await queue.waiting_count()
        waiting = await queue.waiting(limit=PAGE_SIZE, offset=number * PAGE_SIZE)
        running = await queue.running()
        lines = [*await _pause(interaction), *_own(interaction, await _places(interaction))]
        if running:
            lines.append(gettext("**In progress**"))
            lines += [_running(interaction, job) for job in running[:PAGE_SIZE]]
        if waiting:
            first = number * PAGE_SIZE + 1
            lines.append(gettext("**Waiting** ({count})", count=count))
            lines += [
                f"{n}. {_line(interaction, job)}" for n, job in enumerate(waiting, start=first)
            ]
        embed = discord.Embed(title=gettext("Queue"), colour=discord.Colour.blurple())
        embed.description = "\n".join(lines) or gettext("The queue is empty.")
        return embed, count


async def _pause(interaction: Interaction) -> list[str]:
    """A line about the pause, if the moderators paused this server or the host paused all."""
    pause = (await interaction.client.guild_settings.get(guild_id_of(interaction))).pause
    if pause is None:
        return []
    why = f": {escape(pause.reason)}" if pause.reason else "."
    if pause.everywhere:
        return [gettext("**Imagine is paused on all servers**") + why]
    return [gettext("**The moderators have paused Imagine here**") + why]


async def _places(interaction: Interaction) -> list[tuple[Job, int, float | None]]:
    """The member's first waiting jobs, with their positions and seconds to wait."""
    queue = interaction.client.queue
    places = []
    for job in (await queue.by_member(interaction.user.id))[:PAGE_SIZE]:
        if (position := await queue.position(job.id)) is not None:
            places.append((job, position, await queue.wait_seconds(job.id)))
    return places


def _own(interaction: Interaction, places: list[tuple[Job, int, float | None]]) -> Iterator[str]:
    if places:
        yield gettext("**Yours**")
    for job, position, wait in places:
        left = f" · {duration_text(wait)}" if wait is not None else ""
        yield f"{position}.{left} · {_line(interaction, job)}"


def _running(interaction: Interaction, job: Job) -> str:
    return f"{job.step}/{job.recipe.steps} · {_line(interaction, job)}"


def _line(interaction: Interaction, job: Job) -> str:
    """What this member may see of a job: prompts are only shown in their own channel."""
    own = job.member_id == interaction.user.id
    direct = guild_id_of(interaction) is None
    if not (own and direct) and (direct or job.guild_id != guild_id_of(interaction)):
        return gettext("on another server")
    who = gettext("**yours**") if own else escape(job.member_name, MAX_NAME)
    if not own and job.channel_id != interaction.channel_id:
        return f"#{job.id} · {who} · " + gettext("in another channel")
    return f"#{job.id} · {who} · {escape(job.title, MAX_PROMPT)}"
