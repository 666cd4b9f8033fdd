"""Which channel of a server the bot addresses everyone in."""

import discord


def announcement_channel(guild: discord.Guild) -> discord.TextChannel | None:
    """Where the server wants such messages, or else its first channel in which the bot may write.

    Not in an age-restricted one, where not every member looks.
    """
    channels = sorted(guild.text_channels, key=lambda channel: channel.position)
    for channel in (guild.system_channel, *channels):
        if channel is None or channel.nsfw:
            continue
        granted = channel.permissions_for(guild.me)
        if granted.view_channel and granted.send_messages:
            return channel
    return None
