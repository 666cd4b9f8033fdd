"""Where the bot is a member, and where a member only has it installed on their own account.

A member can add the bot to their account and use its commands in servers that have not invited it,
in group chats and in conversations with other users. There it can't post
messages: it can only edit its responses for 15 minutes, with the interaction's token.
"""

import discord

from bot.client import ImagineBot

Interaction = discord.Interaction[ImagineBot]


def guild_id_of(interaction: Interaction) -> int | None:
    """The server whose rules apply: the one that an interaction comes from, if it has the bot."""
    guild_id = interaction.guild_id
    known = guild_id is not None and interaction.client.get_guild(guild_id) is not None
    return guild_id if known else None


def is_foreign(interaction: Interaction) -> bool:
    """Whether an interaction comes from a server or a conversation without the bot."""
    if interaction.guild_id is None:
        return interaction.context.private_channel is True
    return guild_id_of(interaction) is None
