"""Admission: whether a member's request may be queued, decided from the server's rules and limits.

The rules themselves are in `bot.limits`; this module collects what they decide from.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import discord

from bot.client import ImagineBot
from bot.decisions import YES, Decision
from bot.errors import RefusedError
from bot.installation import guild_id_of
from bot.limits import (
    ChannelContext,
    Request,
    is_age_restricted,
    is_spoilered,
    limits_of,
    may_request,
)
from core.database.provenance import UploadedImages
from core.i18n import ENGLISH, use_locale
from core.job import Job
from core.recipe import Recipe

Interaction = discord.Interaction[ImagineBot]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which a request is admitted."""

    most_running: int | None
    """How many of the member's jobs may run at a time, 1 or more; None if there is no limit."""
    spoilered: bool
    """Whether its images are posted behind a spoiler."""
    age_restricted: bool
    """Whether its images may only be shown in age-restricted channels."""


def is_moderator(interaction: Interaction) -> bool:
    """Whether the member may manage messages here, or has the server's moderator role.

    Being able to see `/mod` is not enough: administrators can show it to anyone.
    """
    guild_id = guild_id_of(interaction)
    if guild_id is None:
        return False
    role = interaction.client.moderator_roles.get(guild_id)
    return interaction.permissions.manage_messages or role in _roles(interaction)


@asynccontextmanager
async def admitted(
    interaction: Interaction, recipes: Sequence[Recipe], parent: Job | None
) -> AsyncIterator[Terms]:
    """Admits one or more requests and yields their terms; the block queues them.

    In direct messages, the rules of the parent's server apply. The member's other requests wait for
    the block, so that each is counted before the next is decided; other members' requests don't. A
    refusal is recorded in the audit log. Raises RefusedError, StoreError.
    """
    guild_id = guild_id_of(interaction) or (parent.guild_id if parent else None)
    locks = interaction.client.admission_locks
    async with locks.setdefault(interaction.user.id, asyncio.Lock()):
        decision, request = await _decide(interaction, recipes, parent, guild_id)
        if decision:
            yield Terms(request.limits.running, is_spoilered(request), is_age_restricted(request))
            return
    if guild_id is not None:
        with use_locale(ENGLISH):  # the language of the audit log
            why = decision.logged
        await interaction.client.audit_log.record_refusal(guild_id, interaction.user.id, why)
    raise RefusedError(decision.refusal)


async def _decide(
    interaction: Interaction, recipes: Sequence[Recipe], parent: Job | None, guild_id: int | None
) -> tuple[Decision, Request]:
    """Admits all or none. The recipes differ only in their prompts, so they share their terms."""
    bot, member_id = interaction.client, interaction.user.id
    membership, roles = YES, _roles(interaction)
    if guild_id_of(interaction) is None and guild_id is not None:
        member = await bot.memberships.get(bot.http, guild_id, member_id)
        membership, roles = member.decision, list(member.roles)
    rules = await bot.guild_rules.for_member(guild_id, member_id)
    usage = await bot.guild_rules.usage(guild_id, member_id)
    rejected = bot.rejected_uploads.count(member_id, guild_id)
    request = Request(
        recipes[0],
        channel_context(interaction),
        rules,
        limits_of(rules.limits, roles, guild_id),
        replace(usage, last_hour=usage.last_hour + rejected),
        await UploadedImages(bot.database).provenance(
            recipes[0], member_id, parent.id if parent else None
        ),
        batch_size=len(recipes),
    )

    def decide() -> Decision:
        requests = (replace(request, recipe=recipe) for recipe in recipes)
        return next((refusal for each in requests if not (refusal := may_request(each))), YES)

    # The word filter takes milliseconds, and longer after its rules have changed.
    return membership and await asyncio.to_thread(decide), request


def _roles(interaction: Interaction) -> list[int]:
    """The member's roles; none in direct messages."""
    user = interaction.user
    return [role.id for role in user.roles] if isinstance(user, discord.Member) else []


def channel_context(interaction: Interaction) -> ChannelContext:
    """Where the member acts. Direct messages are not age-restricted."""
    channel = interaction.channel
    if guild_id_of(interaction) is None or interaction.channel_id is None:
        return ChannelContext(None, age_restricted=False)
    channels = {interaction.channel_id}
    if isinstance(channel, discord.Thread):
        channels.add(channel.parent_id)
    root = channel.parent if isinstance(channel, discord.Thread) else channel
    if category := getattr(root, "category_id", None):
        channels.add(category)
    return ChannelContext(frozenset(channels), is_age_restricted_channel(channel))


def is_age_restricted_channel(channel: object) -> bool:
    """Whether a channel, or the parent channel of a thread, is age-restricted."""
    root = channel.parent if isinstance(channel, discord.Thread) else channel
    return hasattr(root, "is_nsfw") and bool(root.is_nsfw())
