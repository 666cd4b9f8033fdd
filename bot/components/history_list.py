"""The list of /history: a member's own images, with thumbnails and marks for favourites."""

import asyncio
import io
from typing import Any

import discord
import structlog
from discord import ui

from bot.components.pagination import PAGE_SIZE, PageButton
from bot.installation import guild_id_of
from bot.policy import may_show
from bot.services.access import actor_of, is_restricted
from bot.services.thumbnails import thumbnail
from bot.types import Interaction
from core.discord_ui.text import escape, message_link, truncate
from core.discord_ui.views import static_layout
from core.i18n import gettext
from core.job import Job
from core.storage.paths import folder_of

log = structlog.stdlib.get_logger(__name__)

ALL, FAVOURITES = "=", "*"
"""The first character of a filter; the words follow. Older messages have filters without it."""

MAX_PROMPT = 60  #: characters of a prompt that are shown


def history_filter(words: str, favourites: bool) -> str:
    """The filter for prompts that contain these words, and for favourites."""
    return (FAVOURITES if favourites else ALL) + words


class HistoryList(PageButton, name="history"):
    @classmethod
    async def draw(
        cls, interaction: Interaction, number: int, filter_text: str
    ) -> tuple[ui.LayoutView, list[discord.File]]:
        """A page and its thumbnails; the last page if the list has become shorter."""
        count, jobs = await _jobs(interaction, number, filter_text)
        last = max(0, (count - 1) // PAGE_SIZE)
        if number > last:
            number = last
            count, jobs = await _jobs(interaction, number, filter_text)
        items: list[ui.Item[Any]] = [ui.TextDisplay("### " + gettext("Your images"))]
        entries, files = await _entries(interaction, jobs)
        items += entries or [ui.TextDisplay(gettext("No matching images yet. Try `/imagine`."))]
        if last:
            page = gettext("Page {n} of {all}", n=number + 1, all=last + 1)
            items.append(ui.TextDisplay(f"-# {page}"))
            items.append(ui.ActionRow(*cls.page_buttons(number, last, filter_text)))
        box = ui.Container(*items, accent_colour=discord.Colour.blurple())
        return static_layout([box]), files

    async def press(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        layout, files = await self.draw(interaction, int(self.match["page"]), self.match["filter"])
        # An older message still shows an embed.
        await interaction.edit_original_response(
            content=None, embed=None, view=layout, attachments=files
        )


async def _jobs(interaction: Interaction, number: int, filter_text: str) -> tuple[int, list[Job]]:
    """The number of jobs on all pages, and the jobs of one page."""
    favourites = filter_text.startswith(FAVOURITES)
    words = filter_text[1:] if filter_text[:1] in (ALL, FAVOURITES) else filter_text
    return await interaction.client.members.history(
        interaction.user.id,
        guild_id_of(interaction),
        words=words,
        favourites=favourites,
        limit=PAGE_SIZE,
        offset=number * PAGE_SIZE,
    )


async def _entries(
    interaction: Interaction, jobs: list[Job]
) -> tuple[list[ui.Item[Any]], list[discord.File]]:
    """A line for each job, with a thumbnail if it may be shown here and is still on disk."""
    bot, items, files = interaction.client, list[ui.Item[Any]](), list[discord.File]()
    starred = await bot.members.favourites_among(interaction.user.id, [job.id for job in jobs])
    direct_id = await _direct_channel_id(interaction, jobs)
    for job in jobs:
        line = ("⭐ " if job.id in starred else "") + _line(job, direct_id)
        content = None
        if may_show(job, actor_of(interaction), age_restricted=is_restricted(bot, job)):
            folder = folder_of(job.id, bot.settings.data_dir)
            content = await asyncio.to_thread(thumbnail, folder)
        if content is None:
            items.append(ui.TextDisplay(line))
            continue
        file = discord.File(io.BytesIO(content), f"thumbnail-{job.id}.webp", spoiler=job.spoilered)
        files.append(file)
        items.append(ui.Section(line, accessory=ui.Thumbnail(file)))
    return items, files


async def _direct_channel_id(interaction: Interaction, jobs: list[Job]) -> int | None:
    """The member's direct message channel, if the message of any of these jobs may be there."""
    guild = interaction.guild
    if guild is None or all(guild.get_channel_or_thread(job.channel_id) for job in jobs):
        return None
    try:
        return (await interaction.user.create_dm()).id
    except discord.HTTPException:
        return None


def _line(job: Job, direct_id: int | None) -> str:
    """One job. Its number links to its message, which is in direct messages for a private job."""
    number = f"#{job.id}"
    if job.message_id:
        guild_id = None if job.channel_id == direct_id else job.guild_id
        number = f"[{number}]({message_link(guild_id, job.channel_id, job.message_id)})"
    prompt = escape(truncate(job.recipe.title, MAX_PROMPT))
    return f"{number} · <t:{int(job.created_at)}:d> · {prompt}"
