"""Notifies members of their finished images: a mention in the channel, and a direct message.

An edit of the job message notifies nobody, so these are separate messages. Each is tried once.
"""

import discord
import structlog

from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.members import Members, Notify
from core.database.messages import Kind, Messages, nonce
from core.i18n import ngettext, use_locale
from core.job import Job
from core.settings import Settings
from engine.delivery.posts import outcome_post
from engine.delivery.rest import RestClient, is_token_refused

log = structlog.stdlib.get_logger(__name__)

LONG_SECONDS = 60.0
"""A member who has waited longer than this is mentioned, unless they prefer otherwise."""


class Notifier:
    """Sends the notifications that members prefer once an image is done."""

    def __init__(self, client: RestClient, database: Database, settings: Settings) -> None:
        self._client = client
        self._jobs = Jobs(database)
        self._members = Members(database)
        self._messages = Messages(database)
        self._settings = settings

    async def notify(self, job: Job) -> None:
        """Mentions the member and sends a copy. Raises only if Discord refuses the token."""
        for send in (self._mention, self._send_copy):
            try:
                await send(job)
            except Exception as error:
                if is_token_refused(error):
                    raise
                log.warning("a member could not be notified", job=job.id, error=str(error))

    async def _mention(self, job: Job) -> None:
        """Replies to the job message, once for each job."""
        preferred = (await self._members.preferences(job.member_id)).notify
        waited = (job.finished_at or job.created_at) - job.created_at
        if preferred is Notify.NEVER or (preferred is Notify.LONG and waited <= LONG_SECONDS):
            return
        if await self._messages.any_sent(job.id, Kind.NOTIFICATION):
            return
        channel = self._client.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
        name = f"done {job.id} {int(job.created_at)}"[:25]
        if not await self._messages.announce(job.id, Kind.NOTIFICATION, channel.id, name):
            return  # the job was deleted
        with use_locale(job.locale):
            text = ngettext(
                "<@{member}> Your image is ready.",
                "<@{member}> Your {n} images are ready.",
                job.recipe.count,
                member=job.member_id,
            )
        mentions = discord.AllowedMentions(users=[discord.Object(job.member_id)])
        current = await self._jobs.get(job.id)
        if current is None or current.message_id is None:
            return
        reference = discord.MessageReference(message_id=current.message_id, channel_id=channel.id)
        sent = await channel.send(
            text, nonce=name, allowed_mentions=mentions, mention_author=False, reference=reference
        )
        await self._messages.sent(job.id, Kind.NOTIFICATION, channel.id, sent.id, name)

    async def _send_copy(self, job: Job) -> None:
        """Sends the images as a direct message, if the member prefers that."""
        if not (await self._members.preferences(job.member_id)).direct_copy:
            return
        direct = await self._client.create_dm(discord.Object(job.member_id))
        name = nonce(job)
        if direct.id != job.channel_id and await self._messages.announce(
            job.id, Kind.DIRECT_COPY, direct.id, name
        ):
            post = await outcome_post(job, self._settings.data_dir)
            sent = await post.send(direct, name)
            await self._messages.sent(job.id, Kind.DIRECT_COPY, direct.id, sent.id, name)
