"""Reactions on job messages, as shortcuts for their buttons.

⭐ marks a favourite while the reaction is there, ❌ cancels a job or deletes its images, and ✉️
sends the member a copy. The bot can't respond to a reaction, so a refused one has no effect. But a
member who wanted a favourite or a copy gets the reason by direct message.
"""

from contextlib import suppress
from dataclasses import replace
from enum import StrEnum

import discord
import structlog

from bot import policy
from bot.client import ImagineBot
from bot.errors import RefusedError
from bot.services.access import check, finished_job, is_restricted, visible_job
from bot.services.admission import is_age_restricted_channel
from bot.services.audit_log_feed import guild_language, nonce_of
from bot.services.cancellation import cancel_job, delete_job
from bot.services.job_views import copy_of
from core.database.errors import StoreError
from core.database.members import Toggled
from core.database.messages import Kind
from core.i18n import gettext, gettext_noop, use_locale
from core.job import Job, State

log = structlog.stdlib.get_logger(__name__)

FAVOURITES_FULL = gettext_noop("You've reached the limit of favourites ({n}). Remove one first.")


class Shortcut(StrEnum):
    """The emoji of each shortcut, without the variation selector for colour."""

    FAVOURITE = "⭐"
    CANCEL_OR_DELETE = "❌"
    COPY = "✉"


async def handle_reaction(bot: ImagineBot, event: discord.RawReactionActionEvent) -> None:
    """Carries out the shortcut of a reaction. Never raises."""
    try:
        await _handle(bot, event)
    except (RefusedError, discord.Forbidden) as refusal:
        log.debug("reaction refused", message=event.message_id, reason=str(refusal))
    except (discord.HTTPException, discord.RateLimited, OSError, StoreError) as error:
        log.warning("reaction failed", message=event.message_id, error=str(error))
    except Exception:
        log.exception("reaction failed", message=event.message_id)


async def _handle(bot: ImagineBot, event: discord.RawReactionActionEvent) -> None:
    """Raises RefusedError, StoreError, discord.HTTPException."""
    shortcut, added = _shortcut(event.emoji), event.event_type == "REACTION_ADD"
    if shortcut is None or not (added or shortcut is Shortcut.FAVOURITE) or _by_a_bot(bot, event):
        return
    job = await bot.jobs.by_message(event.message_id)
    if job is None or job.channel_id != event.channel_id:
        return
    if (await bot.guild_rules.for_member(job.guild_id, event.user_id)).block:
        return
    if not added:
        await bot.members.remove_favourite(event.user_id, job.id)
        return
    actor = _actor_of(bot, event)
    if actor is None:
        return
    locale = guild_language(bot, event.guild_id) if event.guild_id else job.locale
    with use_locale(locale):
        if shortcut is Shortcut.CANCEL_OR_DELETE:
            await _cancel_or_delete(bot, job, actor, event)
            return
        try:
            action = _add_favourite if shortcut is Shortcut.FAVOURITE else _send_copy
            await action(bot, job, actor)
        except RefusedError as refusal:
            await _send_reason(bot, event.user_id, str(refusal))


def _shortcut(emoji: discord.PartialEmoji) -> Shortcut | None:
    name = (emoji.name or "").removesuffix("\N{VARIATION SELECTOR-16}")
    return Shortcut(name) if emoji.is_unicode_emoji() and name in {*Shortcut} else None


def _by_a_bot(bot: ImagineBot, event: discord.RawReactionActionEvent) -> bool:
    own = bot.user is not None and event.user_id == bot.user.id
    return own or bool(event.member and event.member.bot)


def _actor_of(bot: ImagineBot, event: discord.RawReactionActionEvent) -> policy.Actor | None:
    """Who has reacted, and where; None in an unknown server or channel."""
    guild_id, channel_id = event.guild_id, event.channel_id
    if guild_id is None:
        return policy.Actor(event.user_id, None, channel_id, moderator=False)
    guild = bot.get_guild(guild_id)
    if guild is None or event.member is None:
        return None
    channel = guild.get_channel_or_thread(channel_id)
    if channel is None or (isinstance(channel, discord.Thread) and channel.parent is None):
        return None
    role = bot.moderator_roles.get(guild_id)
    return policy.Actor(
        event.user_id,
        guild_id,
        channel_id,
        moderator=channel.permissions_for(event.member).manage_messages
        or role in [each.id for each in event.member.roles],
        age_restricted=is_age_restricted_channel(channel),
    )


async def _cancel_or_delete(
    bot: ImagineBot, job: Job, actor: policy.Actor, event: discord.RawReactionActionEvent
) -> None:
    if job.state is State.DONE:
        await delete_job(bot, job.id, actor)
    elif not job.state.ended:
        name = event.member.display_name if event.member else job.member_name
        await cancel_job(bot, job.id, actor, name)


async def _add_favourite(bot: ImagineBot, job: Job, actor: policy.Actor) -> None:
    """Also works while the job waits or runs, but not if it ended without an image."""
    job = await visible_job(bot, job.id, actor)
    if job.state.ended:
        job = await finished_job(bot, job.id, actor)
    most = bot.settings.max_favourites
    if await bot.members.add_favourite(actor.member_id, job.id, limit=most) is Toggled.FULL:
        raise RefusedError(gettext(FAVOURITES_FULL, n=most))


async def _send_copy(bot: ImagineBot, job: Job, actor: policy.Actor) -> None:
    """Sends a copy once to each member, even if they react again."""
    job = await finished_job(bot, job.id, actor)
    if not bot.recent_messages.take(actor.member_id):
        return
    direct = await bot.create_dm(discord.Object(actor.member_id))
    if direct.id == job.channel_id:
        return
    there = replace(actor, guild_id=None, channel_id=direct.id, age_restricted=False)
    check(policy.may_show(job, there, age_restricted=is_restricted(bot, job)))
    if await bot.messages.any_sent(job.id, Kind.DIRECT_COPY, direct.id):
        return
    layout, files = await copy_of(job, bot.settings.data_dir)
    nonce = nonce_of("copy", job.id, direct.id)
    recipient = None if job.member_id == actor.member_id else actor.member_id
    if not await bot.messages.announce(
        job.id, Kind.DIRECT_COPY, direct.id, nonce, recipient_id=recipient
    ):
        return  # deleted in the meantime
    message = await direct.send(view=layout, files=files, nonce=nonce)
    await bot.messages.sent(job.id, Kind.DIRECT_COPY, direct.id, message.id, nonce)


async def _send_reason(bot: ImagineBot, member_id: int, text: str) -> None:
    if bot.recent_messages.take(member_id):
        direct = await bot.create_dm(discord.Object(member_id))
        with suppress(discord.Forbidden):
            await direct.send(text)
