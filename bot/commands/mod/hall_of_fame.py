"""/mod hall-of-fame: a channel that shows images with many favourites."""

import discord
from discord import app_commands

from bot.commands.mod.parameters import ChannelOption, guild_of
from bot.errors import RefusedError
from bot.services.channels import may_post
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.database.halls_of_fame import HallOfFame, HallsOfFame
from core.i18n import gettext, gettext_noop, ngettext

MAX_FAVOURITES = 1000


@app_commands.command(
    name="hall-of-fame",
    description=gettext_noop("Show images with many favourites in a channel (empty to stop)"),
)
@app_commands.describe(
    channel=gettext_noop("The channel that shows them"),
    favourites=gettext_noop("How many members must have an image as a favourite (default: 5)"),
)
async def hall_of_fame(
    interaction: Interaction,
    channel: ChannelOption | None = None,
    favourites: app_commands.Range[int, 1, MAX_FAVOURITES] = 5,
) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        halls = HallsOfFame(interaction.client.database)
        guild_id, actor_id = guild_of(interaction), interaction.user.id
        if channel is None:
            await halls.set(guild_id, None, actor_id)
            await response.edit(gettext("No more images will be added to the hall of fame."))
            return
        _check_permissions(interaction, channel)
        await halls.set(guild_id, HallOfFame(channel.id, favourites), actor_id)
        await response.edit(
            ngettext(
                "From now on, images that {n} member has as a favourite are posted in {channel}.",
                "From now on, images that {n} members have as a favourite are posted in {channel}.",
                favourites,
                channel=channel.mention,
            )
        )


def _check_permissions(interaction: Interaction, channel: ChannelOption) -> None:
    """Raises RefusedError unless the bot can post images there."""
    assert interaction.guild is not None
    if may_post(interaction.guild, channel.id, discord.Permissions(attach_files=True)):
        return
    raise RefusedError(
        gettext(
            "I can't post images in {channel}. I need these permissions there: View Channel, Send"
            " Messages and Attach Files.",
            channel=channel.mention,
        )
    )
