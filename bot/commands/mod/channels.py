"""/mod channels: where images may be requested, and where they are spoilers."""

from discord import app_commands

from bot.commands.mod.parameters import ChannelOption, guild_of
from bot.components.moderation_lists import list_embed
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext, gettext_noop
from core.moderation import ChannelRule

MAX_SHOWN = 60  #: channels that the list shows at most


class ChannelsGroup(
    app_commands.Group,
    name="channels",
    description=gettext_noop("Set where images may be requested"),
):
    @app_commands.command(
        name="allow",
        description=gettext_noop("Allow requests in a channel, and only in allowed ones"),
    )
    @app_commands.describe(channel=gettext_noop("A channel, or a category for all of its channels"))
    async def allow(self, interaction: Interaction, channel: ChannelOption) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await _set(interaction, channel, ChannelRule.ALLOWED, True)
            await response.edit(
                gettext("Images can be requested in {channel}.", channel=channel.mention)
            )

    @app_commands.command(
        name="forget", description=gettext_noop("Remove a channel from the allowed channels")
    )
    @app_commands.describe(channel=gettext_noop("With no allowed channel left, all are allowed"))
    async def forget(self, interaction: Interaction, channel: ChannelOption) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await _set(interaction, channel, ChannelRule.ALLOWED, False)
            await response.edit(
                gettext("{channel} is no longer an allowed channel.", channel=channel.mention)
            )

    @app_commands.command(
        name="spoiler", description=gettext_noop("Mark images in a channel as spoilers")
    )
    @app_commands.describe(
        channel=gettext_noop("A channel, or a category for all of its channels"),
        hide=gettext_noop("Whether images are spoilers there"),
    )
    async def spoiler(
        self, interaction: Interaction, channel: ChannelOption, hide: bool = True
    ) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await _set(interaction, channel, ChannelRule.SPOILERED, hide)
            text = gettext("Images in {channel} are no longer spoilers.", channel=channel.mention)
            if hide:
                text = gettext("Images in {channel} are spoilers.", channel=channel.mention)
            await response.edit(text)

    @app_commands.command(name="list", description=gettext_noop("See the settings of the channels"))
    async def show_list(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            rules, guild_id = interaction.client.guild_rules, guild_of(interaction)
            allowed = await rules.channels(guild_id, ChannelRule.ALLOWED)
            spoilered = await rules.channels(guild_id, ChannelRule.SPOILERED)
            lines = (
                gettext(
                    "**Images can be requested in** {channels}",
                    channels=_mentions(allowed) or gettext("every channel"),
                ),
                gettext(
                    "**Images are spoilers in** {channels}",
                    channels=_mentions(spoilered) or gettext("no channel"),
                ),
            )
            await response.edit(embed=list_embed(gettext("Channels"), lines))


async def _set(
    interaction: Interaction, channel: ChannelOption, rule: ChannelRule, enabled: bool
) -> None:
    await interaction.client.guild_rules.set_channel(
        guild_of(interaction), channel.id, rule, enabled, interaction.user.id
    )


def _mentions(ids: frozenset[int]) -> str:
    shown = ", ".join(f"<#{channel}>" for channel in sorted(ids)[:MAX_SHOWN])
    if len(ids) <= MAX_SHOWN:
        return shown
    return gettext("{channels} and {n} more", channels=shown, n=len(ids) - MAX_SHOWN)
