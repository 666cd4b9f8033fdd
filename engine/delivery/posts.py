"""The contents of job messages: the progress of running jobs, and the outcomes of ended ones."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import discord

from core.description import read_descriptions
from core.discord_ui.job_message import ShownImage, job_message, unreadable_message
from core.discord_ui.message_components import texts_of
from core.discord_ui.reasons import reason_text
from core.discord_ui.text import truncate
from core.i18n import gettext, gettext_noop, use_locale
from core.job import DeadLetter, Job, JobKind, Progress, State
from core.prompts import format_prompts
from core.storage.paths import finished_films, finished_images, folder_of, tile_previews
from engine.delivery.frame import Frame
from engine.media import preview

MAX_DESCRIPTION = 256  #: characters of an image's alternative text
REFUSED = gettext_noop("The image is finished, but Discord won't accept it here: {why}.")
HELD = gettext_noop("The image is finished. A moderator will look at it before it's shown here.")
GONE = gettext_noop("The image was finished, but it is no longer on the engine's disk.")


@dataclass(frozen=True, slots=True)
class PostFile:
    """An attachment that can be sent more than once."""

    name: str
    content: bytes | Path
    description: str
    spoiler: bool

    @property
    def attached_name(self) -> str:
        """Its name on Discord, where a prefix marks spoilers."""
        return f"SPOILER_{self.name}" if self.spoiler else self.name


@dataclass(frozen=True, slots=True)
class Post:
    """A layout and its files, for a new message or to replace the contents of one."""

    layout: discord.ui.LayoutView
    files: Sequence[PostFile] = ()
    keep_attachments: bool = False
    """Whether an edited message keeps its attachments."""

    async def edit(self, message: discord.PartialMessage) -> None:
        """Edits a message. An old one may still have text or an embed, which layouts exclude."""
        files = discord.utils.MISSING if self.keep_attachments else self._files()
        await message.edit(content=None, embed=None, attachments=files, view=self.layout)

    async def edit_response(self, webhook: discord.Webhook, message_id: int) -> None:
        """Edits the response to an interaction by its token."""
        files = discord.utils.MISSING if self.keep_attachments else self._files()
        await webhook.edit_message(message_id, attachments=files, view=self.layout)

    async def send(self, channel: discord.abc.Messageable, nonce: str) -> discord.Message:
        return await channel.send(files=self._files(), view=self.layout, nonce=nonce)

    def is_shown_by(self, message: discord.Message) -> bool:
        """Whether a message shows this post, and not an older one of the same job."""
        wanted = [
            item.content
            for item in self.layout.walk_children()
            if isinstance(item, discord.ui.TextDisplay)
        ]
        return texts_of(message) == wanted

    def _files(self) -> list[discord.File]:
        """New file objects, because discord.py closes files after sending them."""
        return [
            discord.File(
                io.BytesIO(file.content) if isinstance(file.content, bytes) else file.content,
                filename=file.name,
                description=file.description,
                spoiler=file.spoiler,
            )
            for file in self.files
        ]


async def progress_post(job: Job, frame: Frame) -> Post:
    """A job that has not ended, with its newest frame."""
    if frame.progress is None or frame.images is None:
        return _post(job, notes=frame.notes, progress=frame.progress)
    images, name = frame.images, f"step-{frame.progress.step}.webp"
    content = await asyncio.to_thread(lambda: preview(images()))
    file = _file(job, name, content, spoilered=frame.spoilered)
    return _post(job, [file], frame.notes, frame.progress)


async def outcome_post(job: Job, data_dir: Path) -> Post:
    """The images of a job that is done, or why it is not."""
    if job.state is not State.DONE:
        return _post(job)
    folder = folder_of(job.id, data_dir)
    if job.kind is JobKind.DESCRIPTION:
        found = await asyncio.to_thread(read_descriptions, folder)
        return Post(job_message(job, descriptions=found))
    if job.held:
        return _post(job, notes=[HELD])
    paths = await asyncio.to_thread(finished_images, folder)
    if not paths:
        return _post(job, notes=[GONE])
    films = await asyncio.to_thread(finished_films, folder)
    files = [_file(job, f"imagine-{job.id}.mp4", film) for film in films]
    files += [
        _file(job, f"imagine-{job.id}-{row}.png", path) for row, path in enumerate(paths, start=1)
    ]
    files += [
        _file(job, f"imagine-{job.id}-{row}-repeated.webp", path)
        for row, path in enumerate(await asyncio.to_thread(tile_previews, folder), start=1)
    ]
    with use_locale(job.locale):
        return _post(job, files, [reason_text(job.reason)] if job.reason else [])


def refused_post(job: Job, refusal: discord.HTTPException) -> Post:
    """Says why Discord refuses the images of a job that is done."""
    with use_locale(job.locale):
        return _post(job, notes=[gettext(REFUSED, why=refusal.text.rstrip(".") or refusal.status)])


def dead_letter_post(letter: DeadLetter, images: Sequence[ShownImage]) -> Post:
    """Says that a job's row cannot be read, and keeps the images in its message."""
    return Post(unreadable_message(letter, images), keep_attachments=letter.shows_images)


def _post(
    job: Job,
    files: Sequence[PostFile] = (),
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> Post:
    images = [
        ShownImage(f"attachment://{file.attached_name}", file.description, file.spoiler)
        for file in files
    ]
    return Post(job_message(job, progress=progress, images=images, notes=notes), files)


def _file(job: Job, name: str, content: bytes | Path, *, spoilered: bool = False) -> PostFile:
    described = format_prompts(job.recipe.include) or job.recipe.title
    hidden = job.spoilered or spoilered
    return PostFile(name, content, truncate(described, MAX_DESCRIPTION), hidden)
