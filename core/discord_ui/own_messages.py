"""Finds the bot's own messages that were sent right before a crash and never recorded.

Discord recognises a repeated message by its nonce, but only for a few minutes. After a longer
outage, code that must not send a message twice looks for it here first.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import discord

NONCE_KNOWN_SECONDS = 60.0
"""How long Discord certainly recognises a nonce."""

CLOCK_SECONDS = 300.0
"""How far this machine's clock may differ from Discord's, whose time is in message ids."""

MAX_MESSAGES = 300  #: how many messages of a channel are searched


async def own_messages(
    client: discord.Client, channel_id: int, since: float
) -> AsyncIterator[discord.Message]:
    """The client's messages in a channel since a time (seconds since 1970), the newest first.

    Yields nothing where the client may not read the history. Raises discord.HTTPException.
    """
    after = datetime.fromtimestamp(since - CLOCK_SECONDS, UTC)
    channel = client.get_partial_messageable(channel_id)
    try:
        async for message in channel.history(limit=MAX_MESSAGES, after=after, oldest_first=False):
            if client.user and message.author.id == client.user.id:
                yield message
    except (discord.Forbidden, discord.NotFound):
        return
