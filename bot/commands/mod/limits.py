"""/mod limits: the limits of each role."""

from dataclasses import asdict

import discord
from discord import app_commands

from bot import policy
from bot.commands.choices import suggest_sizes
from bot.commands.mod.parameters import guild_of
from bot.components.moderation_lists import LimitsList, limits_text, role_text
from bot.errors import RefusedError
from bot.services.responses import Response, acknowledged
from bot.types import Interaction
from core.film import MAX_FRAMES
from core.i18n import gettext, gettext_noop
from core.moderation import Limits
from core.sizes import Canvas, parse_size

Number = app_commands.Range[int, 1, 1000]


class LimitsGroup(
    app_commands.Group,
    name="limits",
    description=gettext_noop("Set what members of each role may do"),
):
    @app_commands.command(
        name="set", description=gettext_noop("Set limits for the members of a role")
    )
    @app_commands.describe(
        role=gettext_noop("The role; @everyone for members without any other role that has limits"),
        running=gettext_noop("Images in progress at a time"),
        waiting=gettext_noop("Images waiting at a time"),
        per_hour=gettext_noop("Images requested per hour, not counting failed ones"),
        size=gettext_noop("The largest size"),
        steps=gettext_noop("The highest number of steps"),
        film_frames=gettext_noop("The longest film, in frames; with 1 there are no films"),
    )
    async def set(
        self,
        interaction: Interaction,
        role: discord.Role,
        running: Number | None = None,
        waiting: Number | None = None,
        per_hour: Number | None = None,
        size: app_commands.Range[str, 3, 11] | None = None,
        steps: app_commands.Range[int, 1, policy.MAX_STEPS] | None = None,
        film_frames: app_commands.Range[int, 1, MAX_FRAMES] | None = None,
    ) -> None:
        """Options that are left out keep their values."""
        async with acknowledged(interaction, ephemeral=True) as response:
            menu = policy.menu(interaction.client.settings.model)
            largest = _size(size, menu.canvas)
            named = Limits(running, waiting, per_hour, largest, steps, film_frames)
            changes = {name: value for name, value in asdict(named).items() if value is not None}
            if not changes:
                raise RefusedError(
                    gettext("Set at least one limit, or remove them all with `/mod limits clear`.")
                )
            limits = await interaction.client.guild_rules.change_limits(
                guild_of(interaction), role.id, changes, interaction.user.id
            )
            await _show(response, role, limits)

    @app_commands.command(name="clear", description=gettext_noop("Remove a role's limits"))
    @app_commands.describe(role=gettext_noop("The role"))
    async def clear(self, interaction: Interaction, role: discord.Role) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await interaction.client.guild_rules.set_limits(
                guild_of(interaction), role.id, Limits(), interaction.user.id
            )
            await _show(response, role, Limits())

    @app_commands.command(name="list", description=gettext_noop("See the limits of all roles"))
    async def show_list(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            embed, view = await LimitsList.first_page(interaction)
            await response.edit(embed=embed, view=view)

    @set.autocomplete("size")
    async def _sizes(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await suggest_sizes(interaction, typed)


async def _show(response: Response, role: discord.Role, limits: Limits) -> None:
    named = role_text(role.id, guild_of(response.interaction))
    await response.edit(f"{named}: {limits_text(limits)}.")


def _size(typed: str | None, canvas: Canvas) -> str | None:
    """The size in pixels. Raises RecipeError."""
    if typed is None:
        return None
    width, height = parse_size(typed, canvas)
    return f"{width}x{height}"
