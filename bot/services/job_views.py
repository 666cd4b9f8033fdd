"""Shows what a job has left on disk, and what is known of it, in the answer to an interaction."""

import asyncio
import json
from pathlib import Path

import discord
from PIL import Image

from bot.errors import RefusedError
from bot.policy import may_see
from bot.services.submission import Interaction, asker_of
from core.database.members import Members
from core.discord_ui.job_buttons import buttons, picked_buttons
from core.discord_ui.job_message import escaped, state_name
from core.i18n import mark, say
from core.job import Job
from core.prompts import format_prompts
from core.recipe import A_PICTURE
from core.storage.paths import finished_pictures, folder_of, timelapse_of

GONE = mark("Its pictures are no longer on the disk of whoever runs this bot.")
MAX_CHILDREN, MAX_CHILDREN_READ = 10, 100
"""Jobs made from one that its details list, and how many are read to find some that are visible."""
MAX_CODE = 1000
"""Characters of a field that holds words to copy."""


async def show_picked(interaction: Interaction, job: Job, row: int) -> None:
    """One picture of several, large, and what can be made of it. Raises RefusedError."""
    picture = await _picture(interaction, job, row)
    file = await asyncio.to_thread(
        discord.File, picture, f"imagine-{job.id}-{row + 1}.png", spoiler=job.spoilered
    )
    title = say("#{job}, picture {n}", job=job.id, n=row + 1)
    embed = discord.Embed(title=title, colour=discord.Colour.green())
    if not job.spoilered:
        embed.set_image(url=f"attachment://{file.filename}")
    embed.set_footer(text=say("seed {seed}", seed=job.recipe.seeds[row]))
    await interaction.edit_original_response(
        embed=embed, attachments=[file], view=picked_buttons(job, row)
    )


async def show_timelapse(interaction: Interaction, job: Job) -> None:
    """The MP4, which plays in the channel. Raises RefusedError."""
    path = timelapse_of(folder_of(job.id, interaction.client.settings.data_dir))
    if not await asyncio.to_thread(path.is_file):
        raise RefusedError(
            say("There is no timelapse of it any more, or it was too short for one.")
        )
    file = await asyncio.to_thread(
        discord.File, path, f"imagine-{job.id}.mp4", spoiler=job.spoilered
    )
    told = say("How #{job} came about: {wish}", job=job.id, wish=escaped(job.recipe.title))
    await interaction.edit_original_response(content=told, attachments=[file])


async def show_job(interaction: Interaction, job: Job) -> None:
    """A job's details, its pictures and its buttons."""
    folder = folder_of(job.id, interaction.client.settings.data_dir)
    paths = await asyncio.to_thread(finished_pictures, folder)
    files = [
        await asyncio.to_thread(
            discord.File, path, f"imagine-{job.id}-{number}.png", spoiler=job.spoilered
        )
        for number, path in enumerate(paths, start=1)
    ]
    await interaction.edit_original_response(
        embed=await _details(interaction, job), attachments=files, view=buttons(job)
    )


async def show_details(interaction: Interaction, job: Job) -> None:
    """All that decides a picture, to be read and copied; what painted it; its relatives."""
    await interaction.edit_original_response(embed=await _details(interaction, job))


async def _details(interaction: Interaction, job: Job) -> discord.Embed:
    embed = discord.Embed(title=f"#{job.id}", colour=discord.Colour.blurple())
    recipe = job.recipe
    include, exclude = format_prompts(recipe.include), format_prompts(recipe.exclude)
    embed.add_field(name=say("Include"), value=_code(include), inline=False)
    if recipe.exclude:
        embed.add_field(name=say("Exclude"), value=_code(exclude), inline=False)
    numbers = {
        say("Seed"): ", ".join(map(str, recipe.seeds)),
        say("Size"): recipe.size,
        say("Steps"): str(recipe.steps),
        say("State"): state_name(job.state),
        say("Style"): say(recipe.preset) if recipe.preset else "",
        say("Begins with"): _beginning(job),
        say("Took"): f"{job.seconds:.0f} s" if job.seconds is not None else "",
    }
    for name, value in numbers.items():
        if value:
            embed.add_field(name=name, value=value)
    parent, children = await _relatives(interaction, job)
    if parent:
        embed.add_field(name=say("Comes from"), value=f"#{parent.id}")
    if children:
        named = ", ".join(f"#{child.id}" for child in children)
        embed.add_field(name=say("Led to"), value=named)
    painted_by = await asyncio.to_thread(
        _painted_by, folder_of(job.id, interaction.client.settings.data_dir)
    )
    if painted_by:
        embed.add_field(name=say("Painted by"), value=painted_by, inline=False)
    return embed


async def _relatives(interaction: Interaction, job: Job) -> tuple[Job | None, list[Job]]:
    """The job that this one was made from, and those made from it, that the member may see."""
    store, asker = interaction.client.store, asker_of(interaction)
    parent = await store.job(job.parent_id) if job.parent_id else None
    children = await Members(store).descendants(job.id, limit=MAX_CHILDREN_READ)
    visible = [child for child in children if may_see(child, asker)]
    return parent if may_see(parent, asker) else None, visible[:MAX_CHILDREN]


async def _picture(interaction: Interaction, job: Job, row: int) -> Path:
    folder = folder_of(job.id, interaction.client.settings.data_dir)
    pictures = await asyncio.to_thread(finished_pictures, folder)
    if row >= len(pictures):
        raise RefusedError(say(GONE))
    return pictures[row]


def _code(text: str) -> str:
    """Words to copy: backticks would end the block."""
    shown = text.replace("`", "'")
    return f"```\n{shown[:MAX_CODE]}\n```" if shown else say(A_PICTURE)


def _beginning(job: Job) -> str:
    recipe = job.recipe
    if recipe.source:
        return say("#{job}, picture {n}", job=recipe.source.job, n=recipe.source.row + 1)
    if recipe.initial:
        return say("a picture, strength {strength}", strength=f"{recipe.strength:g}")
    return ""


def _painted_by(folder: Path) -> str:
    """The pair and the versions, as the engine wrote them into the picture."""
    pictures = finished_pictures(folder)
    if not pictures:
        return ""
    with Image.open(pictures[0], formats=["PNG"]) as picture:
        pair, versions = picture.info.get("pair", ""), json.loads(picture.info["versions"])
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{pair} ({named})"[:MAX_CODE]
