"""What can be chosen from the menu of a message: paint from it, see its recipe, report it."""

import asyncio
from collections.abc import Mapping

import discord
from discord import app_commands

from bot import policy
from bot.components.modals import OLDER, field, form, takes
from bot.errors import RefusedError
from bot.services.admission import place_of
from bot.services.attachments import store_attachment
from bot.services.job_views import show_details
from bot.services.reports import report_picture
from bot.services.signing import is_sealed, seal
from bot.services.submission import Interaction, ask, seen
from core.i18n import mark, say
from core.job import Job
from core.prompts import MAX_PROMPT_LENGTH
from core.recipe import Recipe

NO_PICTURE = mark("There is no picture in this message that I could start from.")
TOO_SLOW = mark(
    "The picture could not be fetched in time: attach it to `/imagine` as `image` instead, please."
)
FETCH_SECONDS = 2.0
"""Discord waits three seconds for a form."""
MAX_REASON = 500


@app_commands.context_menu(name=mark("Imagine from this picture"))
async def from_picture(interaction: Interaction, message: discord.Message) -> None:
    """Keeps the picture at once: of other people's messages, Discord shows it only now."""
    picture = next(filter(_is_picture, message.attachments), None)
    if picture is None:
        raise RefusedError(say(NO_PICTURE))
    bot = interaction.client
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            source = await bot.store.job_of_message(message.id)
            name = await store_attachment(
                bot,
                picture,
                member_id=interaction.user.id,
                guild_id=interaction.guild_id,
                age_restricted=place_of(interaction).age_restricted,
                spoilered=source is not None and source.spoilered,
            )
    except TimeoutError:
        raise RefusedError(say(TOO_SLOW)) from None
    long = discord.TextStyle.paragraph
    await interaction.response.send_modal(
        form(
            say("Imagine from this picture"),
            f"picture:{name}:{seal(name, interaction.user.id, bot.settings)}",
            field("include", say("Include"), longest=MAX_PROMPT_LENGTH, style=long),
            field("exclude", say("Exclude"), longest=MAX_PROMPT_LENGTH, style=long, required=False),
            field("strength", say("How firmly it holds, from 0 to 1"), "0.5", longest=5),
        )
    )


@takes("picture", r"[0-9a-f]{64}:[A-Za-z0-9_-]{16}")
async def _paint_from(interaction: Interaction, aside: str, texts: Mapping[str, str]) -> None:
    """Names of pictures are known, a PNG tells what it was painted from: hence the seal."""
    settings = interaction.client.settings
    name, sealed = aside.split(":")
    if not is_sealed(name, sealed, interaction.user.id, settings):
        raise RefusedError(say(OLDER))
    menu = policy.menu(settings.model)
    recipe = Recipe.make(
        texts["include"],
        texts["exclude"],
        width=menu.sizes[0].width,
        height=menu.sizes[0].height,
        steps=menu.steps,
        initial=name,
        strength=_share(texts["strength"]),
    )
    await ask(interaction, recipe)


@app_commands.context_menu(name=mark("What was this prompt?"))
async def what_prompt(interaction: Interaction, message: discord.Message) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    await show_details(interaction, await _shown_by(interaction, message))


@app_commands.context_menu(name=mark("Report to moderators"))
async def report_menu(interaction: Interaction, message: discord.Message) -> None:
    job = await _shown_by(interaction, message)
    reason = field(
        "reason",
        say("What is wrong with it?"),
        longest=MAX_REASON,
        style=discord.TextStyle.paragraph,
        required=False,
    )
    title = say("Report #{job}", job=job.id)
    await interaction.response.send_modal(form(title, f"report:{job.id}", reason))


@takes("report", r"[0-9]{1,18}")
async def _report(interaction: Interaction, aside: str, texts: Mapping[str, str]) -> None:
    job = await seen(interaction, int(aside))
    await report_picture(interaction, job, texts["reason"].strip() or None)


async def _shown_by(interaction: Interaction, message: discord.Message) -> Job:
    """The job whose card the message is. Raises RefusedError."""
    job = await interaction.client.store.job_of_message(message.id)
    if job is None:
        raise RefusedError(say("This message shows none of my pictures."))
    return await seen(interaction, job.id)


def _is_picture(attachment: discord.Attachment) -> bool:
    return (attachment.content_type or "").startswith("image/")


def _share(text: str) -> float:
    """Raises RefusedError."""
    try:
        share = float(text.replace(",", "."))
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise RefusedError(
            say("How firmly the picture holds is a number from 0 to 1, such as 0.5.")
        )
    return share
