"""Turns what happened into messages: frames while a job is painted, and its outcome for certain.

Frames may be lost, so they are offered and forgotten: the newest wins, each message is edited at
a gentle pace, and whatever goes wrong costs one frame. Outcomes may not: what has ended is read
from the store and shown until Discord has taken it, also after a restart. An edit can be repeated
without harm; a new message carries a nonce, by which Discord recognises a repetition.
"""

import asyncio
import hashlib
import io
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import discord
import structlog
from PIL import Image
from prometheus_client import Counter

from core.database.jobs import Store, StoreError
from core.database.members import Members
from core.database.messages import Kind, Messages
from core.discord_ui.job_message import Card, card, cut, escaped
from core.i18n import mark, say, speaking
from core.job import Job, Progress, State
from core.prompts import format_prompts
from core.settings import Settings
from core.storage.paths import finished_pictures, folder_of
from engine.delivery.discord_rest import (
    RestClient,
    TokenRefusedError,
    cannot_be_edited,
    passes,
    retry_delays,
    token_refused,
)
from engine.media import preview

log = structlog.stdlib.get_logger(__name__)

MAX_NOTE = 1000  #: characters of notes that are shown
MAX_DESCRIPTION = 1000  #: characters of the text that stands for a picture
REFUSED = mark("The picture was painted, but Discord does not take it here: {why}.")
GONE = mark("The picture was painted, but it is no longer on the engine's disk.")

FRAMES = Counter(
    "imagine_frames",
    "What became of frames: shown, overtaken by a newer one before its time, or dropped.",
    ["fate"],
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the poster goes, in seconds."""

    per_message: float = 1.5
    """Between two frames of one message."""
    per_channel: float = 1.0
    """Between any two edits in one channel (Discord's historic limit: 5 in 5 seconds)."""
    grace: float = 10.0
    """How long the bot has to name the job's message before one is created here."""
    oldest: float = 50 * 60
    """A message of this age gets no more frames: after an hour Discord caps its edits."""
    look: float = 1.0
    """Between two looks at the store for outcomes that nobody announced, as of a cancelled job."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How a job looks now that has not ended; called, in a thread, only if it is shown."""

    progress: Callable[[], Progress] | None = None
    pictures: Callable[[], Sequence[Image.Image]] | None = None
    notes: Sequence[str] = ()
    state: State = State.RUNNING
    """What the job must still be when it is shown: it may also wait again."""


@dataclass(frozen=True, slots=True)
class _File:
    """An attachment that can be sent more than once."""

    name: str
    content: bytes | Path
    description: str
    spoilered: bool


@dataclass(frozen=True, slots=True)
class _Post:
    """What a message is to show."""

    card: Card
    files: Sequence[_File] = ()


@dataclass(slots=True)
class _Mailbox:
    """A job's newest frame that nobody has seen yet, and the task that carries frames away."""

    job: Job
    frame: Frame | None = None
    carrier: asyncio.Task[None] | None = None
    not_before: float = 0.0
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the message is written, so that no frame lands after the outcome."""


class Poster:
    """Shows jobs in their channels while `run` runs."""

    def __init__(
        self, client: RestClient, store: Store, settings: Settings, pace: Pace | None = None
    ) -> None:
        self._client = client
        self._store = store
        self._messages = Messages(store)
        self._settings = settings
        self._pace = pace or Pace()
        self._mailboxes: dict[int, _Mailbox] = {}
        self._outcomes: dict[int, asyncio.Task[None]] = {}
        self._channel_free: defaultdict[int, float] = defaultdict(float)
        self._offered = asyncio.Event()
        self._ended = asyncio.Event()

    def show_frame(self, job: Job, frame: Frame) -> None:
        """Offers a frame; never waits. An older one that was not shown yet is forgotten."""
        if job.id not in self._outcomes:
            mailbox = self._mailboxes.setdefault(job.id, _Mailbox(job))
            if mailbox.frame:
                FRAMES.labels("overtaken").inc()
            mailbox.frame = frame
            self._offered.set()

    def forget(self, job: Job) -> None:
        """Drops the frame of a job that is no longer painted here."""
        if mailbox := self._mailboxes.pop(job.id, None):
            mailbox.frame = None

    def outcome_is_there(self) -> None:
        """Says that a job has just ended; saves the wait for the next look at the store."""
        self._ended.set()

    async def run(self) -> None:
        """Delivers until cancelled. Raises TokenRefusedError once Discord refuses the token."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch_frames(tasks))
                tasks.create_task(self._watch_outcomes(tasks))
        except* TokenRefusedError:
            pass
        else:
            return
        raise token_refused(self._settings)

    async def drain(self) -> None:
        """Returns once every outcome has been shown."""
        while await self._store.unposted(1):
            self._ended.set()
            await asyncio.sleep(0.1)

    # -- frames ----------------------------------------------------------------------------

    async def _watch_frames(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            await self._offered.wait()
            self._offered.clear()
            for mailbox in self._mailboxes.values():
                idle = mailbox.carrier is None or mailbox.carrier.done()
                if mailbox.frame and idle:
                    mailbox.carrier = tasks.create_task(self._carry_frames(mailbox))

    async def _carry_frames(self, mailbox: _Mailbox) -> None:
        """Shows a job's frames, the newest at each time, until there is none."""
        while mailbox.frame:
            await asyncio.sleep(mailbox.not_before - time.monotonic())
            await self._turn_in(mailbox.job.channel_id)
            async with mailbox.writing:
                frame, mailbox.frame = mailbox.frame, None
                if frame:
                    await self._show(mailbox.job.id, frame)
                    mailbox.not_before = time.monotonic() + self._pace.per_message

    async def _show(self, job_id: int, frame: Frame) -> None:
        """Shows one frame, or drops it if anything is in the way."""
        try:
            job = await self._store.job(job_id)
            if job and job.state is frame.state and not self._within_grace(job):
                await self._write(job, await _running(job, frame), renew=self._too_old(job))
                FRAMES.labels("shown").inc()
                await self._reveal(job)
        except Exception as error:
            FRAMES.labels("dropped").inc()
            self._raise_if_refused(error)
            if passes(error) or isinstance(error, (discord.HTTPException, StoreError)):
                log.warning("a frame was dropped", job=job_id, error=str(error))
            else:
                log.exception("a frame was dropped", job=job_id)

    async def _reveal(self, job: Job) -> None:
        """If the job has ended while its frame was on the way, the frame may hide the outcome.

        It may be another engine that showed it: one that took the job for a dead engine's.
        """
        now = await self._store.job(job.id)
        if now and now.state.ended:
            await self._store.show_again(job.id)

    # -- outcomes --------------------------------------------------------------------------

    async def _watch_outcomes(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            self._ended.clear()
            try:
                for job in await self._store.unposted():
                    if job.id not in self._outcomes:
                        self._outcomes[job.id] = tasks.create_task(self._deliver(job))
            except StoreError as error:
                log.warning("the outcomes cannot be read, trying again", error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.look):
                    await self._ended.wait()

    async def _deliver(self, job: Job) -> None:
        """Shows an outcome, however long it takes."""
        mailbox = self._mailboxes.pop(job.id, _Mailbox(job))
        mailbox.frame = None
        async with mailbox.writing:
            for delay in retry_delays():
                try:
                    await self._turn_in(job.channel_id)
                    await self._show_outcome(job.id)
                    break
                except Exception as error:
                    await asyncio.sleep(self._delay_after(error, job, delay))
        del self._outcomes[job.id]

    def _delay_after(self, error: Exception, job: Job, delay: float) -> float:
        """Seconds until an outcome that could not be shown is tried again."""
        self._raise_if_refused(error)
        if isinstance(error, discord.RateLimited):
            delay = max(delay, error.retry_after)
        foreseen = passes(error) or isinstance(error, StoreError)
        log.warning(
            "an outcome could not be shown, trying again",
            job=job.id,
            error=str(error) or type(error).__name__,
            next_try_in=round(delay, 1),
            exc_info=None if foreseen else error,
        )
        return delay

    async def _show_outcome(self, job_id: int) -> None:
        job = await self._store.job(job_id)
        if job is None or job.posted:
            return
        if self._within_grace(job):  # the bot may be about to name the message
            await asyncio.sleep(self._pace.grace - abs(time.time() - job.created_at))
            job = await self._store.job(job_id) or job
        post = await _ended(job, self._settings.data_dir)
        try:
            await self._write(job, post)
            log.info("shown", job=job_id, state=job.state.value)
        except discord.HTTPException as error:
            if passes(error) or error.status == 401:
                raise
            await self._show_refused(job, post, error)
        await self._store.mark_posted(job_id, job.redraws)
        if job.state is State.DONE:
            await self._copy(job)

    async def _show_refused(self, job: Job, post: _Post, refusal: discord.HTTPException) -> None:
        """Discord takes no such post here: says so at least, without the pictures."""
        if post.files and refusal.status != 404:
            with speaking(job.locale):
                why = say(REFUSED, why=refusal.text.rstrip(".") or str(refusal.status))
            try:
                await self._write(job, _Post(_with_notes(job, card(job), [why])))
                log.error("pictures were refused", job=job.id, error=str(refusal))
                return
            except discord.HTTPException as error:
                if passes(error) or error.status == 401:
                    raise
                refusal = error
        # The channel is gone or closed to us: nobody is left to be told.
        log.error("an outcome can be shown nowhere", job=job.id, error=str(refusal))

    async def _copy(self, job: Job) -> None:
        """Sends a painted picture to its asker directly, if they prefer that; or forgets it."""
        try:
            if not (await Members(self._store).preferences(job.member_id)).direct_copy:
                return
            direct = await self._client.create_dm(discord.Object(job.member_id))
            nonce = _nonce(job)
            if direct.id != job.channel_id and await self._messages.announce(
                job.id, Kind.DIRECT_COPY, direct.id, nonce
            ):
                post = await _ended(job, self._settings.data_dir)
                sent = await _send(direct, post, nonce)
                await self._messages.sent(job.id, Kind.DIRECT_COPY, direct.id, sent.id, nonce)
        except Exception as error:
            self._raise_if_refused(error)
            log.warning("a copy could not be sent", job=job.id, error=str(error))

    # -- messages --------------------------------------------------------------------------

    async def _write(self, job: Job, post: _Post, *, renew: bool = False) -> None:
        """Puts a post into the job's message, or into a new one if it has none of use."""
        channel = self._client.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
        if job.message_id and not renew:
            try:
                await _edit(channel.get_partial_message(job.message_id), post)
                return
            except discord.RateLimited:
                if not self._too_old(job):
                    raise
            except discord.HTTPException as error:
                if not cannot_be_edited(error):
                    raise
        nonce = _nonce(job)
        if not await self._messages.announce(job.id, Kind.JOB, channel.id, nonce):
            return  # deleted, as its message was
        message = await _send(channel, post, nonce)
        if not await self._messages.sent(job.id, Kind.JOB, channel.id, message.id, nonce):
            return  # deleted meanwhile: the bot deletes this message, too
        if not _shows(message, post):
            # Discord knew the nonce: it was sent before, with what was to be shown then.
            await _edit(channel.get_partial_message(message.id), post)
        if job.message_id and renew:
            link = f"{channel.jump_url}/{message.id}"
            with (
                suppress(discord.HTTPException, discord.RateLimited, OSError),
                speaking(job.locale),
            ):
                await channel.get_partial_message(job.message_id).edit(
                    content=say("Continued here: {link}", link=link),
                    embed=None,
                    attachments=[],
                    view=None,
                )

    async def _turn_in(self, channel_id: int) -> None:
        """Waits for this channel's next free moment, and takes it."""
        now = time.monotonic()
        moment = max(now, self._channel_free[channel_id])
        self._channel_free[channel_id] = moment + self._pace.per_channel
        await asyncio.sleep(moment - now)

    def _within_grace(self, job: Job) -> bool:
        """Where the clock was set meanwhile, nothing is waited for."""
        return job.message_id is None and abs(time.time() - job.created_at) < self._pace.grace

    def _too_old(self, job: Job) -> bool:
        if job.message_id is None:
            return False
        written = discord.utils.snowflake_time(job.message_id).timestamp()
        return self._client.time.now() - written > self._pace.oldest

    def _raise_if_refused(self, error: Exception) -> None:
        if isinstance(error, discord.HTTPException) and error.status == 401:
            raise token_refused(self._settings) from error


async def _running(job: Job, frame: Frame) -> _Post:
    """A job that is being painted, with its newest frame."""
    if frame.progress is None or frame.pictures is None:
        return _Post(_with_notes(job, card(job), frame.notes))
    progress = await asyncio.to_thread(frame.progress)
    name = f"step-{progress.step}.webp"
    content = await asyncio.to_thread(_preview, frame.pictures)
    shown = card(job, progress=progress, picture=name)
    return _Post(_with_notes(job, shown, frame.notes), [_file(job, name, content)])


async def _ended(job: Job, data_dir: Path) -> _Post:
    """A job's outcome: its pictures, side by side if there are several, or the reason."""
    if job.state is not State.DONE:
        return _Post(card(job))
    paths = await asyncio.to_thread(finished_pictures, folder_of(job.id, data_dir))
    if not paths:
        return _Post(_with_notes(job, card(job), [GONE]))
    files = [
        _file(job, f"imagine-{job.id}-{row}.png", path) for row, path in enumerate(paths, start=1)
    ]
    shown = card(job, picture=files[0].name if len(files) == 1 else None)
    return _Post(_with_notes(job, shown, [job.reason] if job.reason else []), files)


def _preview(pictures: Callable[[], Sequence[Image.Image]]) -> bytes:
    return preview(pictures())


def _with_notes(job: Job, shown: Card, notes: Sequence[str]) -> Card:
    with speaking(job.locale):
        told = " ".join(map(say, notes))
        if told:
            shown.embed.add_field(
                name=say("Note"), value=cut(escaped(told), MAX_NOTE), inline=False
            )
    return shown


def _file(job: Job, name: str, content: bytes | Path) -> _File:
    described = format_prompts(job.recipe.include) or job.recipe.title
    return _File(name, content, described[:MAX_DESCRIPTION], job.spoilered)


def _files(post: _Post) -> list[discord.File]:
    """Fresh file objects: discord.py closes what it has sent."""
    return [
        discord.File(
            io.BytesIO(file.content) if isinstance(file.content, bytes) else file.content,
            filename=file.name,
            description=file.description,
            spoiler=file.spoilered,
        )
        for file in post.files
    ]


async def _edit(message: discord.PartialMessage, post: _Post) -> None:
    await message.edit(
        content=None, embed=post.card.embed, attachments=_files(post), view=post.card.view
    )


async def _send(channel: discord.abc.Messageable, post: _Post, nonce: str) -> discord.Message:
    files = _files(post)
    if post.card.view is None:
        return await channel.send(embed=post.card.embed, files=files, nonce=nonce)
    return await channel.send(embed=post.card.embed, files=files, view=post.card.view, nonce=nonce)


def _shows(message: discord.Message, post: _Post) -> bool:
    """Whether a message shows this post, and not an older one of the same job."""
    wanted = post.card.embed
    return any(
        (shown.title, shown.description) == (wanted.title, wanted.description)
        for shown in message.embeds
    )


def _nonce(job: Job) -> str:
    """Names the message that is to follow the job's present one; 24 characters, 25 is the most."""
    named = f"{job.id} {job.created_at} {job.message_id}"
    return hashlib.blake2b(named.encode(), digest_size=12).hexdigest()
