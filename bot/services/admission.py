"""Who moderates, and what admits a wish to the queue in their name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import discord

from bot.client import ImagineBot
from bot.errors import RefusedError
from bot.limits import Place, limits_of, may_ask
from core.i18n import ENGLISH, speaking
from core.recipe import Recipe

Interaction = discord.Interaction[ImagineBot]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a wish is admitted."""

    most_running: int | None
    """How many of the member's jobs are painted at a time, 1 or more; None for any number."""
    spoilered: bool
    """Whether its pictures are hidden until one clicks on them."""


def is_moderator(interaction: Interaction) -> bool:
    """Whether the member may manage messages here, or has the server's moderator role.

    Who is shown `/mod` is not asked: that is up to Discord, and to the server's administrators.
    """
    if interaction.guild_id is None:
        return False
    role = interaction.client.moderator_roles.get(interaction.guild_id)
    return interaction.permissions.manage_messages or role in _roles(interaction)


@asynccontextmanager
async def admitted(
    interaction: Interaction, recipe: Recipe, guild_id: int | None
) -> AsyncIterator[Terms]:
    """Admits a member's wish while it is counted and queued; a context manager with its terms.

    `guild_id` is the server whose rules hold, also for a wish from a direct conversation.
    A refusal is kept in the log. Raises RefusedError, StoreError.
    """
    bot, member_id = interaction.client, interaction.user.id
    async with bot.admission:
        rules = await bot.moderation.rules(guild_id, member_id)
        usage = await bot.moderation.usage(guild_id, member_id)
        limits = limits_of(rules.limits, _roles(interaction), guild_id)
        place = _place(interaction)
        decision = may_ask(recipe, rules, limits, usage, place)
        if decision:
            spoilered = bool(rules.spoilered_channels & (place.channels or frozenset()))
            yield Terms(limits.running, spoilered)
            return
    if guild_id is not None:
        with speaking(ENGLISH):  # as all of the log
            why = may_ask(recipe, rules, limits, usage, place).refusal
        await bot.moderation.refused(guild_id, member_id, why)
    raise RefusedError(decision.refusal)


def _roles(interaction: Interaction) -> list[int]:
    """The member's roles; none in a direct conversation."""
    user = interaction.user
    return [role.id for role in user.roles] if isinstance(user, discord.Member) else []


def _place(interaction: Interaction) -> Place:
    channel = interaction.channel
    if interaction.guild_id is None or interaction.channel_id is None:
        return Place(None, age_restricted=False)
    channels = {interaction.channel_id}
    if isinstance(channel, discord.Thread):
        channels.add(channel.parent_id)
    root = channel.parent if isinstance(channel, discord.Thread) else channel
    if category := getattr(root, "category_id", None):
        channels.add(category)
    restricted = root is not None and hasattr(root, "is_nsfw") and root.is_nsfw()
    return Place(frozenset(channels), restricted)
