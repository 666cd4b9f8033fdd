"""Where in a server the bot can post, and its channel for announcements."""

import discord


def announcement_channel(guild: discord.Guild) -> discord.TextChannel | None:
    """The server's system channel, or else its first channel where the bot can write.

    Never an age-restricted one, which not every member sees.
    """
    channels = sorted(guild.text_channels, key=lambda channel: channel.position)
    for channel in (guild.system_channel, *channels):
        if channel is None or channel.nsfw:
            continue
        granted = channel.permissions_for(guild.me)
        if granted.view_channel and granted.send_messages:
            return channel
    return None


def is_available(bot: discord.Client, guild_id: int) -> bool:
    """Whether the bot is in the server, and the server is available."""
    guild = bot.get_guild(guild_id)
    return guild is not None and not guild.unavailable


def may_post(guild: discord.Guild, channel_id: int, extra: discord.Permissions) -> bool:
    """Whether the bot can write in a channel or thread, and has extra permissions there."""
    channel = guild.get_channel_or_thread(channel_id)
    if not isinstance(channel, discord.abc.Messageable):
        return False
    granted = channel.permissions_for(guild.me)
    in_thread = isinstance(channel, discord.Thread)
    may_write = granted.send_messages_in_threads if in_thread else granted.send_messages
    return granted.view_channel and may_write and granted.is_superset(extra)
