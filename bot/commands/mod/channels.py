"""/mod channels, log and role: where pictures are asked for, where the log goes, who moderates."""

import discord
from discord import app_commands

from bot.commands.mod.group import (
    Place,
    answer,
    channels,
    guild_of,
    listed,
    log,
    mod,
    wait,
)
from bot.components.pagination import PAGE, Drawn, entered, show_page
from bot.errors import RefusedError
from bot.services.admission import Interaction
from bot.services.audit_log_feed import line
from core.i18n import ENGLISH, mark, say, speaking
from core.moderation import ChannelRule

MAX_SHOWN = 60  #: channels that a list shows

GREETING = mark(
    "What moderators do, what is refused, and what members report is shown here from now on."
)


@channels.command(
    name="allow", description=mark("Let pictures be asked for here, and not elsewhere")
)
@app_commands.describe(channel=mark("A channel, or a category for all of its channels"))
async def allow(interaction: Interaction, channel: Place) -> None:
    await _say(interaction, channel, ChannelRule.ALLOWED, True)
    told = say("Pictures may be asked for in {channel}.", channel=channel.mention)
    await answer(interaction, told)


@channels.command(name="forget", description=mark("Take a channel out of those that are allowed"))
@app_commands.describe(channel=mark("Once none is allowed any more, all are"))
async def forget(interaction: Interaction, channel: Place) -> None:
    await _say(interaction, channel, ChannelRule.ALLOWED, False)
    told = say("{channel} is no longer among the allowed channels.", channel=channel.mention)
    await answer(interaction, told)


@channels.command(name="spoiler", description=mark("Hide pictures until one clicks on them"))
@app_commands.describe(
    channel=mark("A channel, or a category for all of its channels"),
    hide=mark("Whether they are hidden there"),
)
async def spoiler(interaction: Interaction, channel: Place, hide: bool = True) -> None:
    await _say(interaction, channel, ChannelRule.SPOILERED, hide)
    told = say("Pictures in {channel} are shown at once.", channel=channel.mention)
    if hide:
        told = say(
            "Pictures in {channel} are hidden until one clicks on them.", channel=channel.mention
        )
    await answer(interaction, told)


@channels.command(name="list", description=mark("See what holds in which channels"))
async def show_channels(interaction: Interaction) -> None:
    await wait(interaction)
    moderation, guild_id = interaction.client.moderation, guild_of(interaction)
    allowed = await moderation.channels(guild_id, ChannelRule.ALLOWED)
    spoilered = await moderation.channels(guild_id, ChannelRule.SPOILERED)
    lines = [
        say(
            "**Pictures are asked for in** {channels}",
            channels=_mentions(allowed) or say("every channel"),
        ),
        say(
            "**Pictures are hidden in** {channels}",
            channels=_mentions(spoilered) or say("no channel"),
        ),
    ]
    await interaction.edit_original_response(embed=listed(say("Channels"), lines))


@log.command(name="channel", description=mark("Show the log in a channel; without one, nowhere"))
@app_commands.describe(channel=mark("Best one that only moderators see"))
async def set_log_channel(interaction: Interaction, channel: Place | None = None) -> None:
    await wait(interaction)
    bot, guild_id = interaction.client, guild_of(interaction)
    if channel:
        await _greet(interaction, channel)
    await bot.moderation.set_log_channel(
        guild_id, channel.id if channel else None, interaction.user.id
    )
    told = say("The log is shown nowhere, but still kept: `/mod log show`.")
    if channel:
        told = say("The log is shown in {channel}.", channel=channel.mention)
    await answer(interaction, told)


@log.command(name="show", description=mark("See the latest acts of moderators, and refusals"))
@app_commands.describe(member=mark("Only those by or about this member"))
async def show_log(interaction: Interaction, member: discord.User | None = None) -> None:
    await wait(interaction)
    await show_page(interaction, "log", aside=str(member.id) if member else "")


@entered("log")
async def _page(interaction: Interaction, page: int, aside: str) -> Drawn:
    """`aside` is the number of a member, or nothing."""
    count, entries = await interaction.client.moderation.log(
        guild_of(interaction),
        member_id=int(aside) if aside.isdecimal() else None,
        limit=PAGE,
        offset=page * PAGE,
    )
    return listed(say("Log"), map(line, entries)), count


@mod.command(name="role", description=mark("Name a role that moderates, too; without one, none"))
@app_commands.describe(role=mark("Which role"))
async def set_role(interaction: Interaction, role: discord.Role | None = None) -> None:
    await wait(interaction)
    bot, guild_id = interaction.client, guild_of(interaction)
    await bot.moderation.set_moderator_role(
        guild_id, role.id if role else None, interaction.user.id
    )
    if role is None:
        bot.moderator_roles.pop(guild_id, None)
        told = say("Those who may manage messages moderate, and nobody else.")
        await answer(interaction, told)
        return
    bot.moderator_roles[guild_id] = role.id
    await answer(
        interaction,
        say(
            "{role} may cancel pictures and close reports. Discord shows `/mod` to those who"
            " manage messages; an administrator can show it to this role, too: Server Settings,"
            " Integrations, this bot, `/mod`.",
            role=role.mention,
        ),
    )


async def _say(interaction: Interaction, channel: Place, rule: ChannelRule, holds: bool) -> None:
    await wait(interaction)
    await interaction.client.moderation.set_channel(
        guild_of(interaction), channel.id, rule, holds, interaction.user.id
    )


async def _greet(interaction: Interaction, channel: Place) -> None:
    """Shows that the bot can write there. Raises RefusedError if it cannot."""
    with speaking(interaction.guild_locale.value if interaction.guild_locale else ENGLISH):
        greeting = discord.Embed(description=say(GREETING))
    try:
        await interaction.client.get_partial_messageable(channel.id).send(embed=greeting)
    except discord.HTTPException as error:
        if error.status >= 500:
            raise
        raise RefusedError(
            say(
                "I cannot write in {channel}: there I need the permissions View Channel, Send"
                " Messages and Embed Links.",
                channel=channel.mention,
            )
        ) from None


def _mentions(ids: frozenset[int]) -> str:
    shown = ", ".join(f"<#{channel}>" for channel in sorted(ids)[:MAX_SHOWN])
    if len(ids) <= MAX_SHOWN:
        return shown
    return say("{channels} and {n} more", channels=shown, n=len(ids) - MAX_SHOWN)
