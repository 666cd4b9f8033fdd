"""/host: commands for the host.

Discord shows it to administrators; the bot only lets the application's owner or team use it.
"""

import discord
from discord import app_commands

from bot.commands.mod.parameters import ReasonText
from bot.errors import RefusedError
from bot.services.host_access import check_host
from bot.services.host_status import statistics_embed, status_embed
from bot.services.notices import MAX_TEXT, send_notice
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.database.host import Host
from core.database.statistics import WEEK, UsageStatistics
from core.i18n import gettext, gettext_noop

MAX_NAMED = 20  #: servers that are listed at most


@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
class HostGroup(
    app_commands.Group,
    name="host",
    description=gettext_noop("For whoever runs this bot"),
    default_permissions=discord.Permissions(administrator=True),
    guild_only=True,
):
    @app_commands.command(
        name="status", description=gettext_noop("See engines, queue, versions and disk")
    )
    async def status(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await check_host(interaction)
            await response.edit(embed=await status_embed(interaction.client))

    @app_commands.command(
        name="statistics", description=gettext_noop("See how Imagine was used in the last 7 days")
    )
    async def statistics(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await check_host(interaction)
            database = interaction.client.database
            week = await UsageStatistics(database).since(database.now() - WEEK)
            title = gettext("The last 7 days, all servers")
            await response.edit(embed=statistics_embed(week, title))

    @app_commands.command(
        name="pause", description=gettext_noop("Stop creating images for all servers")
    )
    @app_commands.describe(why=gettext_noop("The reason, which members can see"))
    async def pause(self, interaction: Interaction, why: ReasonText | None = None) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await check_host(interaction)
            await Host(interaction.client.database).pause(interaction.user.id, why)
            await response.edit(
                gettext(
                    "Imagine is paused on all servers. Images in progress will continue from where"
                    " they are after `/host resume`."
                )
            )

    @app_commands.command(
        name="resume", description=gettext_noop("Resume creating images for all servers")
    )
    async def resume(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await check_host(interaction)
            if not await Host(interaction.client.database).resume():
                raise RefusedError(gettext("Imagine is not paused on all servers."))
            await response.edit(
                gettext("Imagine is running again, except where moderators have paused it.")
            )

    @app_commands.command(
        name="notice", description=gettext_noop("Post a message in every server, once")
    )
    @app_commands.describe(text=gettext_noop("The message"))
    async def notice(
        self, interaction: Interaction, text: app_commands.Range[str, 1, MAX_TEXT]
    ) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await check_host(interaction)
            delivery = await send_notice(interaction.client, interaction.id, text)
            lines = [
                gettext(
                    "The notice reached {n} of {all} servers.",
                    n=delivery.reached,
                    all=delivery.reached + len(delivery.unreached),
                )
            ]
            if delivery.unreached:
                named = ", ".join(str(guild.id) for guild in delivery.unreached[:MAX_NAMED])
                lines.append(gettext("Not reached: {servers}", servers=named))
            await response.edit("\n".join(lines))
