"""/mod role: a role that also moderates."""

import discord
from discord import app_commands

from bot.commands.mod.parameters import guild_of
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.i18n import gettext, gettext_noop


@app_commands.command(
    name="role", description=gettext_noop("Set a role that also moderates (leave empty for none)")
)
@app_commands.describe(role=gettext_noop("The role"))
async def set_moderator_role(interaction: Interaction, role: discord.Role | None = None) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        bot, guild_id = interaction.client, guild_of(interaction)
        await bot.guild_settings.set_moderator_role(
            guild_id, role.id if role else None, interaction.user.id
        )
        if role is None:
            bot.moderator_roles.pop(guild_id, None)
            await response.edit(gettext("Only members with Manage Messages are moderators now."))
            return
        bot.moderator_roles[guild_id] = role.id
        await response.edit(
            gettext(
                "{role} can now cancel images and close reports. Discord shows `/mod` to members"
                " with Manage Messages; an administrator can also show it to this role: Server"
                " Settings, Integrations, this bot, `/mod`.",
                role=role.mention,
            )
        )
