"""Writes job messages: edits them, sends new ones, and handles refusals by Discord."""

import asyncio
import time
from contextlib import suppress

import discord
import structlog

from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.messages import Kind, Messages, nonce
from core.discord_ui.job_buttons import shows_job
from core.discord_ui.job_message import ShownImage, link_message
from core.discord_ui.message_images import images_of
from core.discord_ui.own_messages import own_messages
from core.i18n import gettext, use_locale
from core.job import DeadLetter, Job, JobKind, ResponseToken
from core.settings import Settings
from engine.delivery.frame import Frame
from engine.delivery.notifications import Notifier
from engine.delivery.posts import (
    Post,
    dead_letter_post,
    outcome_post,
    progress_post,
    refused_post,
)
from engine.delivery.responses import Responses
from engine.delivery.rest import RestClient, cannot_be_edited, is_temporary, is_token_refused

log = structlog.stdlib.get_logger(__name__)


class MessageWriter:
    """Writes frames and outcomes to job messages.

    The bot has `grace` seconds to record a job's message; after that, this class sends one. A
    message older than `max_age` seconds gets no more frames, because Discord limits the edits of
    messages that are over an hour old.
    """

    def __init__(
        self,
        client: RestClient,
        database: Database,
        settings: Settings,
        *,
        grace: float = 10.0,
        max_age: float = 50 * 60,
    ) -> None:
        self._client = client
        self._jobs = Jobs(database)
        self._notifier = Notifier(client, database, settings)
        self._messages = Messages(database)
        self._responses = Responses(client, database)
        self._settings = settings
        self._grace = grace
        self._max_age = max_age

    async def show_frame(self, job_id: int, frame: Frame) -> bool:
        """Returns whether it was shown: the job may have ended, or have no message yet."""
        job = await self._jobs.get(job_id)
        if job is None or job.state is not frame.state:
            return False
        if token := await self._responses.token_of(job):
            if not await self._responses.show_frame(token, await progress_post(job, frame)):
                return False
        elif self._within_grace(job):
            return False
        else:
            await self._write(job, await progress_post(job, frame), renew=self._too_old(job))
        now = await self._jobs.get(job.id)
        if now and now.state.ended:
            # The frame may have replaced an outcome that was shown in the meantime, perhaps by
            # another engine that took over the job.
            await self._jobs.repost(job.id)
        return True

    async def show_outcome(self, job_id: int) -> None:
        """Shows how a job ended, once. Raises errors that may be temporary."""
        job = await self._jobs.get(job_id)
        if job is None or job.posted:
            return
        token = await self._responses.token_of(job)
        if token is None and self._within_grace(job):  # the bot may be about to record it
            await asyncio.sleep(self._grace - abs(time.time() - job.created_at))
            job = await self._jobs.get(job_id) or job
        post = await outcome_post(job, self._settings.data_dir)
        try:
            await self._show(job, post, token)
            log.info("outcome shown", job=job_id, state=job.state.value)
        except discord.HTTPException as error:
            if is_temporary(error) or is_token_refused(error):
                raise
            await self._show_refusal(job, post, error)
        await self._jobs.mark_posted(job_id, job.redraws)
        in_channel = token is None
        if job.kind is JobKind.IMAGE and in_channel:
            await self._notifier.notify(job)

    async def show_dead_letter(self, letter: DeadLetter) -> None:
        """Shows that a job's row cannot be read. Raises errors that may be temporary."""
        try:
            post = dead_letter_post(letter, await self._images_of(letter))
            token = await self._responses.token_of(letter)
            if token is None or not await self._responses.show_outcome(token, post):
                await self._write(letter, post)
        except discord.HTTPException as error:
            if is_temporary(error) or is_token_refused(error):
                raise
            log.error("a dead letter cannot be shown anywhere", job=letter.id, error=str(error))
        await self._jobs.mark_dead_letter_posted(letter)

    async def _images_of(self, letter: DeadLetter) -> list[ShownImage]:
        """The images in a damaged job's message, to keep them in the layout that replaces it."""
        if not letter.shows_images or letter.message_id is None:
            return []
        channel = self._client.get_partial_messageable(letter.channel_id)
        try:
            message = await channel.fetch_message(letter.message_id)
        except (discord.NotFound, discord.Forbidden):
            return []
        return [ShownImage(i.url, spoiler=i.spoiler) for i in images_of(message)]

    async def _show_refusal(self, job: Job, post: Post, refusal: discord.HTTPException) -> None:
        """Shows that Discord refuses the images here."""
        if post.files and refusal.status != 404:
            try:
                job = await self._jobs.get(job.id) or job
                token = await self._responses.token_of(job)
                await self._show(job, refused_post(job, refusal), token)
                log.error("images were refused", job=job.id, error=str(refusal))
                return
            except discord.HTTPException as error:
                if is_temporary(error) or is_token_refused(error):
                    raise
                refusal = error
        # The channel is gone, or the bot has no access to it.
        log.error("an outcome cannot be shown anywhere", job=job.id, error=str(refusal))

    async def _show(self, job: Job, post: Post, token: ResponseToken | None) -> None:
        """Shows an outcome in the response to its request, or in the job's channel."""
        if token:
            if await self._responses.show_outcome(token, post):
                return
            await self._responses.move_to_direct_messages(job)
            job = await self._jobs.get(job.id) or job
        await self._write(job, post)

    async def _write(self, job: Job | DeadLetter, post: Post, *, renew: bool = False) -> None:
        """Edits the job's message, or sends a new one if there is none to edit."""
        channel = self._client.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
        if job.message_id and not renew:
            try:
                await post.edit(channel.get_partial_message(job.message_id))
                return
            except discord.RateLimited:
                if not self._too_old(job):
                    raise
            except discord.HTTPException as error:
                if not cannot_be_edited(error):
                    raise
        name = nonce(job)
        interrupted = await self._messages.is_announced(channel.id, name)
        if not await self._messages.announce(job.id, Kind.JOB, channel.id, name):
            return  # the job was deleted
        message = await self._sent_before(job) if interrupted else None
        if message is None:
            message = await post.send(channel, name)
        if not await self._messages.sent(job.id, Kind.JOB, channel.id, message.id, name):
            return  # the job was deleted in the meantime: the bot deletes this message, too
        if not post.is_shown_by(message):
            # The message was sent before, with an earlier state.
            await post.edit(channel.get_partial_message(message.id))
        if job.message_id and renew:
            link = f"{channel.jump_url}/{message.id}"
            with (
                suppress(discord.HTTPException, discord.RateLimited, OSError),
                use_locale(job.locale),
            ):
                await channel.get_partial_message(job.message_id).edit(
                    content=None,
                    embed=None,
                    attachments=[],
                    view=link_message(gettext("Continued here: {link}", link=link)),
                )

    async def _sent_before(self, job: Job | DeadLetter) -> discord.Message | None:
        """A message of the job that was sent but not recorded: Discord soon forgets nonces."""
        if isinstance(job, DeadLetter):
            return None
        async for message in own_messages(self._client, job.channel_id, job.created_at):
            if shows_job(message, job.id) and not await self._messages.is_recorded(message.id):
                return message
        return None

    def _within_grace(self, job: Job) -> bool:
        """Whether the bot may still send the job message; False if the clock was changed."""
        return job.message_id is None and abs(time.time() - job.created_at) < self._grace

    def _too_old(self, job: Job | DeadLetter) -> bool:
        if job.message_id is None:
            return False
        sent_at = discord.utils.snowflake_time(job.message_id).timestamp()
        return self._client.time.now() - sent_at > self._max_age
