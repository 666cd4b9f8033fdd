"""/history: one's own pictures, by pages; all, those with certain words, or favourites."""

import discord
from discord import app_commands

from bot.components.pagination import ASIDE, PAGE, Drawn, entered, show_page
from bot.services.submission import Interaction
from core.database.members import Members
from core.discord_ui.job_message import escaped
from core.i18n import mark, say
from core.job import Job

MAX_PROMPT = 60  #: characters of a prompt that are shown
STARRED = "*"
"""Begins what narrows the list down where it is to hold favourites only."""


@app_commands.command(name="history", description=mark("See the pictures that you asked for"))
@app_commands.describe(
    words=mark("Only those that were asked for with these words"),
    favourites=mark("Only favourites"),
)
async def history_command(
    interaction: Interaction,
    words: app_commands.Range[str, 0, ASIDE - 1] = "",
    favourites: bool = False,
) -> None:
    await interaction.response.defer(ephemeral=True)
    await show_page(interaction, "history", aside=(STARRED if favourites else "") + words)


@entered("history")
async def _page(interaction: Interaction, page: int, aside: str) -> Drawn:
    words = aside.removeprefix(STARRED)
    count, jobs = await Members(interaction.client.store).history(
        interaction.user.id,
        interaction.guild_id,
        words=words,
        favourites=aside.startswith(STARRED),
        limit=PAGE,
        offset=page * PAGE,
    )
    embed = discord.Embed(title=say("Your pictures"), colour=discord.Colour.blurple())
    nothing = say("Nothing yet that fits: try `/imagine`.")
    embed.description = "\n".join(map(_line, jobs)) or nothing
    return embed, count


def _line(job: Job) -> str:
    """The picture's number leads to its message."""
    prompt = job.recipe.title
    shown = escaped(prompt if len(prompt) <= MAX_PROMPT else prompt[: MAX_PROMPT - 1] + "…")
    place = (
        f"https://discord.com/channels/{job.guild_id or '@me'}/{job.channel_id}/{job.message_id}"
    )
    number = f"[#{job.id}]({place})" if job.message_id else f"#{job.id}"
    return f"{number} · <t:{int(job.created_at)}:d> · {shown}"
