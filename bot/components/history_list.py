"""The list of /history: a member's own images."""

import discord

from bot.components.pagination import PAGE_SIZE, Page, PagedList
from bot.types import Interaction
from core.discord_ui.text import escape, message_link, truncate
from core.i18n import gettext
from core.job import Job

ALL, FAVOURITES = "=", "*"
"""The first character of a filter; the words follow. Older messages have filters without it."""

MAX_PROMPT = 60  #: characters of a prompt that are shown


def history_filter(words: str, favourites: bool) -> str:
    """The filter for prompts that contain these words, and for favourites."""
    return (FAVOURITES if favourites else ALL) + words


class HistoryList(PagedList, name="history"):
    @classmethod
    async def page(cls, interaction: Interaction, number: int, filter_text: str) -> Page:
        favourites = filter_text.startswith(FAVOURITES)
        words = filter_text[1:] if filter_text[:1] in (ALL, FAVOURITES) else filter_text
        count, jobs = await interaction.client.members.history(
            interaction.user.id,
            interaction.guild_id,
            words=words,
            favourites=favourites,
            limit=PAGE_SIZE,
            offset=number * PAGE_SIZE,
        )
        embed = discord.Embed(title=gettext("Your images"), colour=discord.Colour.blurple())
        nothing = gettext("No matching images yet. Try `/imagine`.")
        direct_id = await _direct_channel_id(interaction, jobs)
        embed.description = "\n".join(_line(job, direct_id) for job in jobs) or nothing
        return embed, count


async def _direct_channel_id(interaction: Interaction, jobs: list[Job]) -> int | None:
    """The direct message channel of the member, if any of their jobs may be shown there."""
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
