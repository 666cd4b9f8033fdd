"""The groups of `/mod`, and what its commands share."""

from collections.abc import Iterable
from typing import Any

import discord
from discord import app_commands

from bot.services.admission import Interaction
from core.i18n import mark, say

MAX_WHY = 300  #: characters of a reason

mod = app_commands.Group(
    name="mod",
    description=mark("For moderators"),
    default_permissions=discord.Permissions(manage_messages=True),
    guild_only=True,
)
limits = app_commands.Group(name="limits", description=mark("What each role may have"), parent=mod)
words = app_commands.Group(name="words", description=mark("Words that are refused"), parent=mod)
channels = app_commands.Group(
    name="channels", description=mark("Where pictures are asked"), parent=mod
)
log = app_commands.Group(
    name="log", description=mark("What moderators did, and refusals"), parent=mod
)


class _Place(app_commands.Transformer):
    """A channel, a category or a thread, as Discord sends it: the bot need not know it."""

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


Place = app_commands.Transform[
    app_commands.AppCommandChannel | app_commands.AppCommandThread, _Place
]


def guild_of(interaction: Interaction) -> int:
    """The server in which the command is typed; there is no `/mod` elsewhere."""
    assert interaction.guild_id is not None
    return interaction.guild_id


async def wait(interaction: Interaction) -> None:
    """Lets Discord wait for an answer that this moderator alone will see."""
    await interaction.response.defer(ephemeral=True, thinking=True)


async def answer(interaction: Interaction, sentence: str) -> None:
    await interaction.edit_original_response(content=sentence)


def listed(title: str, lines: Iterable[str]) -> discord.Embed:
    """A list; where there are no lines it says so."""
    text = "\n".join(lines) or say("Nothing.")
    return discord.Embed(title=title, description=text, colour=discord.Colour.blurple())
