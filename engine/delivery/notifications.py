"""Notifies members of their finished images: a mention in the channel, and a direct message.

An edit of the job message notifies nobody, so these are separate messages. Each is tried once.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import discord
import structlog

from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.members import Members, Notify
from core.database.messages import Kind, Messages, nonce
from core.i18n import ngettext, use_locale
from core.job import Job, State
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
        """Mentions the member and sends a copy, if the job has images that everyone may see.

        Raises only if Discord refuses the token.
        """
        for send in (self._mention, self._send_copy):
            try:
                await send(job)
            except Exception as error:
                if is_token_refused(error):
                    raise
                log.warning("a member could not be notified", job=job.id, error=str(error))

    async def _mention(self, job: Job) -> None:
        """Replies to the job message, once for each job.

        For jobs that were requested together, replies to their group message once all have ended.
        """
        group_id = await self._messages.group_of(job.id)
        jobs = [job] if group_id is None else await self._jobs.in_group(group_id)
        done = [each for each in jobs if _is_shown(each)]
        if not done or not all(each.state.ended for each in jobs):
            return
        first = jobs[0]
        if not await self._wants_mention(first, done):
            return
        if await self._messages.any_sent(first.id, Kind.NOTIFICATION):
            return
        channel = self._client.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
        name = f"done {first.id} {int(first.created_at)}"[:25]
        if not await self._messages.announce(first.id, Kind.NOTIFICATION, channel.id, name):
            return  # the job was deleted
        with use_locale(job.locale):
            text = ngettext(
                "<@{member}> Your image is ready.",
                "<@{member}> Your {n} images are ready.",
                sum(each.recipe.count for each in done),
                member=job.member_id,
            )
        current = await self._jobs.get(job.id)
        message_id = group_id or (current.message_id if current else None)
        if message_id is None:
            return
        send = partial(
            channel.send,
            text,
            nonce=name,
            allowed_mentions=discord.AllowedMentions(users=[discord.Object(job.member_id)]),
        )
        sent = await _reply(send, channel.id, message_id)
        await self._messages.sent(first.id, Kind.NOTIFICATION, channel.id, sent.id, name)

    async def _wants_mention(self, first: Job, done: Sequence[Job]) -> bool:
        """Whether the member wants to be mentioned, given how long they have waited."""
        preferred = (await self._members.preferences(first.member_id)).notify
        finished_at = max(each.finished_at or each.created_at for each in done)
        is_long = finished_at - first.created_at > LONG_SECONDS
        return preferred is Notify.ALWAYS or (preferred is Notify.LONG and is_long)

    async def _send_copy(self, job: Job) -> None:
        """Sends the images as a direct message, if the member prefers that."""
        if not _is_shown(job) or not (await self._members.preferences(job.member_id)).direct_copy:
            return
        direct = await self._client.create_dm(discord.Object(job.member_id))
        name = nonce(job)
        if direct.id != job.channel_id and await self._messages.announce(
            job.id, Kind.DIRECT_COPY, direct.id, name
        ):
            post = await outcome_post(job, self._settings.data_dir)
            sent = await post.send(direct, name)
            await self._messages.sent(job.id, Kind.DIRECT_COPY, direct.id, sent.id, name)


def _is_shown(job: Job) -> bool:
    """Whether a job has images that everyone may see."""
    return job.state is State.DONE and not job.held


async def _reply(
    send: Callable[..., Awaitable[discord.Message]], channel_id: int, message_id: int
) -> discord.Message:
    """Replies to a message; sends an ordinary message if it is gone, or the bot may not reply.

    Replies need the permission to read the history, which the bot does not ask for.
    """
    reference = discord.MessageReference(
        message_id=message_id, channel_id=channel_id, fail_if_not_exists=False
    )
    try:
        return await send(mention_author=False, reference=reference)
    except discord.Forbidden:
        return await send()
