"""Parameters that several commands of /mod share."""

from typing import Any

import discord
from discord import app_commands

from bot.types import Interaction

AnyModCommand = app_commands.Command[Any, ..., Any]

MAX_REASON = 300  #: characters

ReasonText = app_commands.Range[str, 1, MAX_REASON]
JobNumber = app_commands.Range[int, 1]


class _AnyChannel(app_commands.Transformer):
    """A channel, category or thread as Discord sends it, even if the bot can't see it."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        kinds = discord.ChannelType
        channels = [kinds.text, kinds.news, kinds.forum, kinds.voice, kinds.stage_voice]
        return [*channels, kinds.category, kinds.public_thread, kinds.private_thread]

    async def transform(self, interaction: discord.Interaction, value: Any, /) -> Any:
        return value


ChannelOption = app_commands.Transform[
    app_commands.AppCommandChannel | app_commands.AppCommandThread, _AnyChannel
]


def guild_of(interaction: Interaction) -> int:
    """The server in which the command is used; /mod exists only in servers."""
    assert interaction.guild_id is not None
    return interaction.guild_id
