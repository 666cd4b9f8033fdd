"""/mod block, unblock and blocked."""

import time

import discord
from discord import app_commands

from bot.commands.mod.parameters import AnyModCommand, ReasonText, guild_of
from bot.components.moderation_lists import BlockedList
from bot.converters import parse_duration
from bot.errors import RefusedError
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext, gettext_noop, ngettext


@app_commands.command(
    name="block",
    description=gettext_noop("Block a member from requesting images and cancel their jobs"),
)
@app_commands.describe(
    member=gettext_noop("The member"),
    length=gettext_noop("How long, such as 30m, 12h, 7d or 2w (default: permanently)"),
    why=gettext_noop("The reason, which the member can see"),
)
@app_commands.rename(length="for")
async def block(
    interaction: Interaction,
    member: discord.User,
    length: app_commands.Range[str, 2, 20] | None = None,
    why: ReasonText | None = None,
) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        seconds = parse_duration(length) if length else None
        if length and seconds is None:
            raise RefusedError(
                gettext(
                    "Enter a duration such as 30m, 12h, 7d or 2w, or none to block permanently."
                )
            )
        until = None if seconds is None else time.time() + seconds
        jobs = await interaction.client.blocks.block(
            guild_of(interaction),
            member.id,
            actor_id=interaction.user.id,
            reason=why,
            until=until,
        )
        text = gettext("{member} is permanently blocked.", member=member.mention)
        if until is not None:
            when = f"<t:{int(until)}:f>"
            text = gettext("{member} is blocked until {time}.", member=member.mention, time=when)
        if jobs:
            text += " " + ngettext(
                "{n} of their jobs was cancelled.", "{n} of their jobs were cancelled.", len(jobs)
            )
        await response.edit(text)


@app_commands.command(name="unblock", description=gettext_noop("Let a member request images again"))
@app_commands.describe(member=gettext_noop("The member"))
async def unblock(interaction: Interaction, member: discord.User) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        blocks = interaction.client.blocks
        if not await blocks.unblock(guild_of(interaction), member.id, interaction.user.id):
            raise RefusedError(gettext("{member} is not blocked.", member=member.mention))
        await response.edit(gettext("{member} can request images again.", member=member.mention))


@app_commands.command(name="blocked", description=gettext_noop("See who is blocked"))
async def blocked(interaction: Interaction) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        embed, view = await BlockedList.first_page(interaction)
        await response.edit(embed=embed, view=view)


BLOCK_COMMANDS: tuple[AnyModCommand, ...] = (block, unblock, blocked)
