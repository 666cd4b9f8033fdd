"""What a job's message shows: the progress of a running job, and the outcome of one that ended."""

import asyncio
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import discord

from core.discord_ui.job_message import Card, card, dead_letter_card
from core.discord_ui.reasons import reason_text
from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop, use_locale
from core.job import DeadLetter, Job, State
from core.prompts import format_prompts
from core.storage.paths import finished_pictures, folder_of
from engine.delivery.frame import Frame
from engine.media import preview, repeated

MAX_NOTE = 1000  #: characters of notes that are shown
MAX_DESCRIPTION = 1000  #: characters of an image's alternative text
REFUSED = gettext_noop("The picture was painted, but Discord does not take it here: {why}.")
GONE = gettext_noop("The picture was painted, but it is no longer on the engine's disk.")


@dataclass(frozen=True, slots=True)
class PostFile:
    """An attachment that can be sent more than once."""

    name: str
    content: bytes | Path
    description: str
    spoiler: bool


@dataclass(frozen=True, slots=True)
class Post:
    """An embed with buttons and files, for a new message or in place of what a message shows."""

    card: Card
    files: Sequence[PostFile] = ()
    keep_attachments: bool = False
    """Whether an edited message keeps the attachments that it has."""

    async def edit(self, message: discord.PartialMessage) -> None:
        files = discord.utils.MISSING if self.keep_attachments else self._files()
        await message.edit(
            content=None, embed=self.card.embed, attachments=files, view=self.card.view
        )

    async def send(self, channel: discord.abc.Messageable, nonce: str) -> discord.Message:
        files = self._files()
        if self.card.view is None:
            return await channel.send(embed=self.card.embed, files=files, nonce=nonce)
        return await channel.send(
            embed=self.card.embed, files=files, view=self.card.view, nonce=nonce
        )

    def is_shown_by(self, message: discord.Message) -> bool:
        """Whether a message shows this post, and not an older one of the same job."""
        wanted = self.card.embed
        return any(
            (shown.title, shown.description) == (wanted.title, wanted.description)
            for shown in message.embeds
        )

    def _files(self) -> list[discord.File]:
        """Fresh file objects: discord.py closes what it has sent."""
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
        return Post(_with_notes(job, card(job), frame.notes))
    images, name = frame.images, f"step-{frame.progress.step}.webp"
    content = await asyncio.to_thread(lambda: preview(images()))
    shown = card(job, progress=frame.progress, picture=name)
    return Post(_with_notes(job, shown, frame.notes), [_file(job, name, content)])


async def outcome_post(job: Job, data_dir: Path) -> Post:
    """The images of a job that is done, side by side if there are several, or why it is not."""
    if job.state is not State.DONE:
        return Post(card(job))
    paths = await asyncio.to_thread(finished_pictures, folder_of(job.id, data_dir))
    if not paths:
        return Post(_with_notes(job, card(job), [GONE]))
    files = [
        _file(job, f"imagine-{job.id}-{row}.png", path) for row, path in enumerate(paths, start=1)
    ]
    shown = card(job, picture=files[0].name if len(files) == 1 else None)
    if job.recipe.tile and len(paths) == 1:
        content = await asyncio.to_thread(repeated, paths[0])
        files.append(_file(job, f"imagine-{job.id}-repeated.webp", content))
    return Post(_with_notes(job, shown, [reason_text(job.reason)] if job.reason else []), files)


def refused_post(job: Job, refusal: discord.HTTPException) -> Post:
    """Why Discord does not take the images of a job that is done."""
    with use_locale(job.locale):
        why = gettext(REFUSED, why=refusal.text.rstrip(".") or str(refusal.status))
    return Post(_with_notes(job, card(job), [why]))


def dead_letter_post(letter: DeadLetter) -> Post:
    """That a job's row cannot be read. Images that were posted stay."""
    return Post(dead_letter_card(letter), keep_attachments=letter.shows_images)


def nonce(job: Job | DeadLetter) -> str:
    """Names the message that follows the job's present one; 24 characters, 25 are the most."""
    created_at = job.created_at if isinstance(job, Job) else "unreadable"
    named = f"{job.id} {created_at} {job.message_id}"
    return hashlib.blake2b(named.encode(), digest_size=12).hexdigest()


def _with_notes(job: Job, shown: Card, notes: Sequence[str]) -> Card:
    with use_locale(job.locale):
        text = " ".join(map(gettext, notes))
        if text:
            shown.embed.add_field(name=gettext("Note"), value=escape(text, MAX_NOTE), inline=False)
    return shown


def _file(job: Job, name: str, content: bytes | Path) -> PostFile:
    described = format_prompts(job.recipe.include) or job.recipe.title
    return PostFile(name, content, described[:MAX_DESCRIPTION], job.spoilered)
