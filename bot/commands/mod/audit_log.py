"""/mod log: moderators' actions and refused requests."""

import discord
from discord import app_commands

from bot.commands.mod.parameters import ChannelOption, guild_of
from bot.components.moderation_lists import AuditLogList
from bot.errors import RefusedError
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.database.weekly_digests import WeeklyDigests
from core.i18n import ENGLISH, gettext, gettext_noop, use_locale

GREETING = gettext_noop("Moderators' actions, refused requests and reports will be posted here.")


class AuditLogGroup(
    app_commands.Group,
    name="log",
    description=gettext_noop("Moderators' actions and refused requests"),
):
    @app_commands.command(
        name="channel", description=gettext_noop("Set the log channel (leave empty to turn it off)")
    )
    @app_commands.describe(channel=gettext_noop("Preferably a moderators-only channel"))
    async def channel(self, interaction: Interaction, channel: ChannelOption | None = None) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            bot, guild_id = interaction.client, guild_of(interaction)
            if channel:
                await _greet(interaction, channel)
            await bot.guild_settings.set_log_channel(
                guild_id, channel.id if channel else None, interaction.user.id
            )
            text = gettext("The log is no longer posted, but still kept: see `/mod log show`.")
            if channel:
                text = gettext("The log is posted in {channel}.", channel=channel.mention)
            await response.edit(text)

    @app_commands.command(
        name="weekly",
        description=gettext_noop("Post a summary of each week in the log channel, or stop it"),
    )
    @app_commands.describe(on=gettext_noop("Whether it is posted"))
    async def weekly(self, interaction: Interaction, on: bool) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            bot, guild_id = interaction.client, guild_of(interaction)
            channel_id = (await bot.guild_settings.get(guild_id)).log_channel
            if on and channel_id is None:
                raise RefusedError(gettext("Set a log channel first: `/mod log channel`."))
            await WeeklyDigests(bot.database).set_enabled(guild_id, interaction.user.id, enabled=on)
            text = gettext("No weekly summary will be posted.")
            if on:
                channel = f"<#{channel_id}>"
                text = gettext(
                    "A weekly summary will be posted in {channel}, the first in 7 days.",
                    channel=channel,
                )
            await response.edit(text)

    @app_commands.command(
        name="show",
        description=gettext_noop("See the latest actions of moderators and refused requests"),
    )
    @app_commands.describe(member=gettext_noop("Only entries by or about this member"))
    async def show(self, interaction: Interaction, member: discord.User | None = None) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            filter_text = str(member.id) if member else ""
            embed, view = await AuditLogList.first_page(interaction, filter_text)
            await response.edit(embed=embed, view=view)


async def _greet(interaction: Interaction, channel: ChannelOption) -> None:
    """Posts a greeting to check that the bot can post there. Raises RefusedError if not."""
    with use_locale(interaction.guild_locale.value if interaction.guild_locale else ENGLISH):
        greeting = discord.Embed(description=gettext(GREETING))
    try:
        await interaction.client.get_partial_messageable(channel.id).send(embed=greeting)
    except discord.HTTPException as error:
        if error.status >= 500:
            raise
        raise RefusedError(
            gettext(
                "I can't post in {channel}. I need these permissions there: View Channel, Send"
                " Messages and Embed Links.",
                channel=channel.mention,
            )
        ) from None
