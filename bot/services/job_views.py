"""Shows a job's files and details in the response to an interaction."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import discord
import structlog
from PIL import Image

from bot.errors import RefusedError
from bot.policy import may_see
from bot.services.access import actor_of
from bot.services.responses import Response
from bot.types import Interaction
from core.discord_ui.job_buttons import buttons, picked_buttons
from core.discord_ui.job_message import state_name
from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop
from core.job import Job
from core.prompts import format_prompts
from core.recipe import A_PICTURE
from core.storage.paths import finished_pictures, folder_of, timelapse_of

log = structlog.stdlib.get_logger(__name__)

FILES_GONE = gettext_noop("The files of this image are no longer on the server that runs this bot.")
MAX_CHILDREN, MAX_CHILDREN_READ = 10, 100
"""Jobs made from one that its details list, and how many are read to find some that are visible."""
MAX_CODE = 1000
"""Characters of a field that holds text to copy."""


async def show_picked(response: Response, job: Job, row: int) -> None:
    """One image of several, large, with the buttons to go on from it. Raises RefusedError."""
    folder = folder_of(job.id, response.interaction.client.settings.data_dir)
    images = await asyncio.to_thread(finished_pictures, folder)
    if row >= len(images):
        raise RefusedError(gettext(FILES_GONE))
    file = await asyncio.to_thread(
        discord.File, images[row], f"imagine-{job.id}-{row + 1}.png", spoiler=job.spoilered
    )
    title = gettext("#{job}, image {n}", job=job.id, n=row + 1)
    embed = discord.Embed(title=title, colour=discord.Colour.green())
    if not job.spoilered:
        embed.set_image(url=f"attachment://{file.filename}")
    embed.set_footer(text=gettext("seed {seed}", seed=job.recipe.seeds[row]))
    await response.edit(embed=embed, attachments=[file], view=picked_buttons(job, row))


async def show_timelapse(response: Response, job: Job) -> None:
    """The MP4, which plays in the channel. Raises RefusedError."""
    path = timelapse_of(folder_of(job.id, response.interaction.client.settings.data_dir))
    if not await asyncio.to_thread(path.is_file):
        raise RefusedError(
            gettext(
                "There is no timelapse of this image: it was deleted, or there were too few steps."
            )
        )
    file = await asyncio.to_thread(
        discord.File, path, f"imagine-{job.id}.mp4", spoiler=job.spoilered
    )
    text = gettext("Timelapse of #{job}: {prompt}", job=job.id, prompt=escape(job.recipe.title))
    await response.edit(text, attachments=[file])


async def show_job(response: Response, job: Job) -> None:
    """A job's details, its images and its buttons."""
    folder = folder_of(job.id, response.interaction.client.settings.data_dir)
    paths = await asyncio.to_thread(finished_pictures, folder)
    files = [
        await asyncio.to_thread(
            discord.File, path, f"imagine-{job.id}-{number}.png", spoiler=job.spoilered
        )
        for number, path in enumerate(paths, start=1)
    ]
    await response.edit(embed=await _details(response, job), attachments=files, view=buttons(job))


async def show_details(response: Response, job: Job) -> None:
    """Everything that decides an image, to be read and copied; what made it; its relatives."""
    await response.edit(embed=await _details(response, job))


async def _details(response: Response, job: Job) -> discord.Embed:
    embed = discord.Embed(title=f"#{job.id}", colour=discord.Colour.blurple())
    recipe = job.recipe
    include, exclude = format_prompts(recipe.include), format_prompts(recipe.exclude)
    embed.add_field(name=gettext("Include"), value=_code(include), inline=False)
    if recipe.exclude:
        embed.add_field(name=gettext("Exclude"), value=_code(exclude), inline=False)
    for name, value in _facts(job):
        embed.add_field(name=name, value=value)
    parent, children = await _relatives(response.interaction, job)
    if parent:
        embed.add_field(name=gettext("Based on"), value=f"#{parent.id}")
    if children:
        named = ", ".join(f"#{child.id}" for child in children)
        embed.add_field(name=gettext("Led to"), value=named)
    folder = folder_of(job.id, response.interaction.client.settings.data_dir)
    if made_with := await asyncio.to_thread(_made_with, folder):
        embed.add_field(name=gettext("Made with"), value=made_with, inline=False)
    return embed


async def _relatives(interaction: Interaction, job: Job) -> tuple[Job | None, list[Job]]:
    """The job that this one was made from, and those made from it, that the member may see."""
    bot, actor = interaction.client, actor_of(interaction)
    parent = await bot.jobs.get(job.parent_id) if job.parent_id else None
    children = await bot.jobs.descendants(job.id, limit=MAX_CHILDREN_READ)
    visible = [child for child in children if may_see(child, actor)]
    return parent if may_see(parent, actor) else None, visible[:MAX_CHILDREN]


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    recipe = job.recipe
    yield gettext("Seed"), ", ".join(map(str, recipe.seeds))
    yield gettext("Size"), recipe.size
    yield gettext("Steps"), str(recipe.steps)
    yield gettext("State"), state_name(job.state)
    if recipe.preset:
        yield gettext("Style"), gettext(recipe.preset)
    if recipe.source:
        row = recipe.source.row + 1
        yield gettext("Starts from"), gettext("#{job}, image {n}", job=recipe.source.job, n=row)
    elif recipe.initial:
        strength = f"{recipe.strength:g}"
        yield gettext("Starts from"), gettext("an image, strength {strength}", strength=strength)
    if job.seconds is not None:
        yield gettext("Time"), f"{job.seconds:.0f} s"


def _code(text: str) -> str:
    """Text to copy: backticks would end the block."""
    shown = text.replace("`", "'")
    return f"```\n{shown[:MAX_CODE]}\n```" if shown else gettext(A_PICTURE)


def _made_with(folder: Path) -> str:
    """The model and the versions, as the engine wrote them into the image; "" if it did not.

    A missing or damaged file costs this line, not the details.
    """
    images = finished_pictures(folder)
    if not images:
        return ""
    try:
        with Image.open(images[0], formats=["PNG"]) as image:
            model = str(image.info.get("model") or image.info.get("pair", ""))  # until 2026
            versions = json.loads(image.info.get("versions", "{}"))
        named = ", ".join(f"{name} {version}" for name, version in versions.items())
    except (OSError, SyntaxError, ValueError, AttributeError) as error:
        log.warning("an image does not say what made it", path=str(images[0]), error=str(error))
        return ""
    return (f"{model} ({named})" if named else model)[:MAX_CODE]
