"""Shows a job's files and details in the response to an interaction."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import structlog
from discord import ui
from PIL import Image

from bot.errors import RefusedError
from bot.policy import may_see
from bot.services.access import actor_of
from bot.services.finished_images import FILES_GONE
from bot.services.responses import Response
from bot.types import Interaction
from core.discord_ui.job_buttons import action_rows, button_rows, picked_rows
from core.discord_ui.job_message import recipe_details, state_name
from core.discord_ui.text import escape, message_link
from core.discord_ui.views import static_layout
from core.i18n import gettext
from core.job import Job, JobKind
from core.prompts import format_prompts
from core.recipe import AN_IMAGE
from core.storage.paths import (
    finished_films,
    finished_images,
    folder_of,
    tile_previews,
    timelapse_of,
)
from core.styles import style_label

log = structlog.stdlib.get_logger(__name__)

MAX_CHILDREN, MAX_CHILDREN_READ = 10, 100
"""Derived jobs listed in the details, and how many are read to find visible ones."""
MAX_CODE = 1200  #: characters that a code block shows
MAX_MADE_WITH = 500  #: characters of the model and versions that are shown


async def show_picked(response: Response, job: Job, row: int) -> None:
    """One image, large, with the buttons to continue from it. Raises RefusedError."""
    folder = folder_of(job.id, response.interaction.client.settings.data_dir)
    images = await asyncio.to_thread(finished_images, folder)
    if row >= len(images):
        raise RefusedError(gettext(FILES_GONE))
    file = await asyncio.to_thread(
        discord.File, images[row], f"imagine-{job.id}-{row + 1}.png", spoiler=job.spoilered
    )
    files = [file, *await _tile_previews(job, folder, only=row)]
    title = gettext("#{job}, image {n}", job=job.id, n=row + 1)
    seed = gettext("seed {seed}", seed=job.recipe.seeds[row])
    layout = _layout([f"### {title}", f"-# {seed}"], files, picked_rows(job, row))
    await response.edit(attachments=files, view=layout)


async def show_actions(response: Response, job: Job) -> None:
    """The actions for a job of several images that its message does not offer."""
    title = gettext("#{job}: pick an image, or choose what to do with all.", job=job.id)
    await response.edit(view=_layout([title], [], action_rows(job)))


async def show_timelapse(response: Response, job: Job) -> None:
    """The timelapse, an MP4 that plays in the channel. Raises RefusedError."""
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
    files = await image_files(job, response.interaction.client.settings.data_dir)
    texts = await _details(response, job)
    await response.edit(attachments=files, view=_layout(texts, files, button_rows(job)))


async def copy_of(job: Job, data_dir: Path) -> tuple[ui.LayoutView, list[discord.File]]:
    """A job's images and a link to its message, for another channel. Raises RefusedError.

    It has no buttons, because elsewhere they only work for the job's own member.
    """
    files = await image_files(job, data_dir)
    if not files:
        raise RefusedError(gettext(FILES_GONE))
    number = f"#{job.id}"
    if job.message_id:
        number = f"[{number}]({message_link(job.guild_id, job.channel_id, job.message_id)})"
    return _layout([f"{number} · {escape(job.title, MAX_CODE)}"], files, []), files


async def image_files(job: Job, data_dir: Path) -> list[discord.File]:
    """The film, if any, the finished images, and, if they are tiles, previews of the pattern."""
    folder = folder_of(job.id, data_dir)
    paths = await asyncio.to_thread(finished_images, folder)
    named = [(path, f"imagine-{job.id}-{n}.png") for n, path in enumerate(paths, start=1)]
    films = await asyncio.to_thread(finished_films, folder)
    files = [
        await asyncio.to_thread(discord.File, path, name, spoiler=job.spoilered)
        for path, name in (*((film, f"imagine-{job.id}.mp4") for film in films), *named)
    ]
    return files + await _tile_previews(job, folder)


async def _tile_previews(job: Job, folder: Path, only: int | None = None) -> list[discord.File]:
    """Previews of how the images, or one of them, repeat if they are tiles."""

    def read() -> list[discord.File]:
        return [
            discord.File(path, f"imagine-{job.id}-{row + 1}-repeated.webp", spoiler=job.spoilered)
            for row, path in enumerate(tile_previews(folder))
            if only in (None, row)
        ]

    return await asyncio.to_thread(read)


async def show_details(response: Response, job: Job) -> None:
    """Everything that determines an image, ready to copy; what made it; related jobs."""
    await response.edit(view=_layout(await _details(response, job), [], []))


def _layout(
    texts: Sequence[str], files: Sequence[discord.File], rows: Iterable[Iterable[Any]]
) -> ui.LayoutView:
    """Texts, images below them, and buttons."""
    items: list[ui.Item[Any]] = [ui.TextDisplay("\n".join(texts))]
    if files:
        items.append(ui.MediaGallery(*map(discord.MediaGalleryItem, files)))
    items += [ui.ActionRow(*row) for row in rows]
    return static_layout([ui.Container(*items, accent_colour=discord.Colour.blurple())])


async def _details(response: Response, job: Job) -> list[str]:
    recipe = job.recipe
    include, exclude = format_prompts(recipe.include), format_prompts(recipe.exclude)
    texts = [f"### #{job.id}", _field(gettext("Include"), _code(include))]
    if recipe.exclude:
        texts.append(_field(gettext("Exclude"), _code(exclude)))
    facts = [_field(name, value) for name, value in _facts(job)]
    parent, children = await _relatives(response.interaction, job)
    if parent:
        facts.append(_field(gettext("Based on"), f"#{parent.id}"))
    if children:
        named = ", ".join(f"#{child.id}" for child in children)
        facts.append(_field(gettext("Led to"), named))
    folder = folder_of(job.id, response.interaction.client.settings.data_dir)
    metadata = await asyncio.to_thread(_metadata, folder)
    if metadata.scores:
        facts.append(_field(gettext("Similarity"), metadata.scores))
    texts.append(" · ".join(facts))
    if metadata.made_with:
        texts.append("-# " + _field(gettext("Made with"), metadata.made_with))
    return texts


def _field(name: str, value: str) -> str:
    return f"**{name}** {value}"


async def _relatives(interaction: Interaction, job: Job) -> tuple[Job | None, list[Job]]:
    """The job that this one was made from, and those made from it, that the member may see."""
    bot, actor = interaction.client, actor_of(interaction)
    parent = await bot.jobs.get(job.parent_id) if job.parent_id else None
    children = await bot.jobs.descendants(job.id, limit=MAX_CHILDREN_READ)
    images = [child for child in children if child.kind is JobKind.IMAGE]
    visible = [child for child in images if may_see(child, actor)]
    if parent and parent.kind is not JobKind.IMAGE:
        parent = None
    return parent if may_see(parent, actor) else None, visible[:MAX_CHILDREN]


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    recipe = job.recipe
    yield gettext("Seed"), ", ".join(map(str, recipe.seeds))
    yield gettext("Size"), recipe.size
    yield gettext("Steps"), str(recipe.steps)
    yield gettext("State"), state_name(job.state)
    if recipe.preset:
        yield gettext("Style"), escape(style_label(recipe.preset))
    yield from recipe_details(recipe)
    if recipe.source:
        row = recipe.source.row + 1
        yield gettext("Starts from"), gettext("#{job}, image {n}", job=recipe.source.job, n=row)
    elif recipe.initial and not recipe.repaint:
        strength = f"{recipe.strength:g}"
        yield gettext("Starts from"), gettext("an image, strength {strength}", strength=strength)
    if job.seconds is not None:
        yield gettext("Time"), f"{job.seconds:.0f} s"


def _code(text: str) -> str:
    """Text in a code block, without backticks, which would end the block."""
    shown = text.replace("`", "'")
    return f"```\n{shown[:MAX_CODE]}\n```" if shown else gettext(AN_IMAGE)


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What the engine has written into an image, as text; empty without metadata."""

    made_with: str = ""
    scores: str = ""


def _metadata(folder: Path) -> _Metadata:
    """The metadata of the first image; empty if the file is missing or damaged."""
    images = finished_images(folder)
    if not images:
        return _Metadata()
    try:
        with Image.open(images[0], formats=["PNG"]) as image:
            model = str(image.info.get("model") or image.info.get("pair", ""))  # "pair" until 2026
            versions = json.loads(image.info.get("versions", "{}"))
            scores = json.loads(image.info.get("scores", "{}"))
        named = ", ".join(f"{name} {version}" for name, version in versions.items())
        parts = [gettext("include {similarity}", similarity=scores["include"])] if scores else []
        if scores.get("exclude") is not None:
            parts.append(gettext("exclude {similarity}", similarity=scores["exclude"]))
    except (OSError, SyntaxError, ValueError, AttributeError, KeyError, TypeError) as error:
        log.warning("image metadata not read", path=str(images[0]), error=str(error))
        return _Metadata()
    made_with = f"{model} ({named})" if named else model
    return _Metadata(made_with[:MAX_MADE_WITH], " · ".join(parts))
