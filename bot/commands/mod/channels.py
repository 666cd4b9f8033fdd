"""/mod channels: where images may be requested, and where they are hidden."""

from discord import app_commands

from bot.commands.mod.parameters import ChannelOption, guild_of
from bot.components.moderation_lists import list_embed
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import mark, say
from core.moderation import ChannelRule

MAX_SHOWN = 60  #: channels that the list shows


class ChannelsGroup(
    app_commands.Group,
    name="channels",
    description=mark("Set where images may be requested"),
):
    @app_commands.command(
        name="allow", description=mark("Allow requests in a channel, and only in allowed ones")
    )
    @app_commands.describe(channel=mark("A channel, or a category for all of its channels"))
    async def allow(self, interaction: Interaction, channel: ChannelOption) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await _set(interaction, channel, ChannelRule.ALLOWED, True)
            await response.edit(
                say("Images can be requested in {channel}.", channel=channel.mention)
            )

    @app_commands.command(
        name="forget", description=mark("Remove a channel from the allowed channels")
    )
    @app_commands.describe(channel=mark("With no allowed channel left, all are allowed"))
    async def forget(self, interaction: Interaction, channel: ChannelOption) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await _set(interaction, channel, ChannelRule.ALLOWED, False)
            await response.edit(
                say("{channel} is no longer an allowed channel.", channel=channel.mention)
            )

    @app_commands.command(name="spoiler", description=mark("Mark images in a channel as spoilers"))
    @app_commands.describe(
        channel=mark("A channel, or a category for all of its channels"),
        hide=mark("Whether images are spoilers there"),
    )
    async def spoiler(
        self, interaction: Interaction, channel: ChannelOption, hide: bool = True
    ) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await _set(interaction, channel, ChannelRule.SPOILERED, hide)
            text = say("Images in {channel} are no longer spoilers.", channel=channel.mention)
            if hide:
                text = say("Images in {channel} are spoilers.", channel=channel.mention)
            await response.edit(text)

    @app_commands.command(name="list", description=mark("See the settings of the channels"))
    async def show_list(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            rules, guild_id = interaction.client.guild_rules, guild_of(interaction)
            allowed = await rules.channels(guild_id, ChannelRule.ALLOWED)
            spoilered = await rules.channels(guild_id, ChannelRule.SPOILERED)
            lines = (
                say(
                    "**Images can be requested in** {channels}",
                    channels=_mentions(allowed) or say("every channel"),
                ),
                say(
                    "**Images are spoilers in** {channels}",
                    channels=_mentions(spoilered) or say("no channel"),
                ),
            )
            await response.edit(embed=list_embed(say("Channels"), lines))


async def _set(
    interaction: Interaction, channel: ChannelOption, rule: ChannelRule, holds: bool
) -> None:
    await interaction.client.guild_rules.set_channel(
        guild_of(interaction), channel.id, rule, holds, interaction.user.id
    )


def _mentions(ids: frozenset[int]) -> str:
    shown = ", ".join(f"<#{channel}>" for channel in sorted(ids)[:MAX_SHOWN])
    if len(ids) <= MAX_SHOWN:
        return shown
    return say("{channels} and {n} more", channels=shown, n=len(ids) - MAX_SHOWN)
