"""/prefer: what a member need not type each time."""

from dataclasses import replace

from discord import app_commands
from discord.app_commands import locale_str

from bot import policy
from bot.client import AnyCommand
from bot.commands.choices import sizes_on, styles_for
from bot.services.submission import Interaction
from bot.translator import filled
from core.database.members import Members, Preferences
from core.i18n import mark, say

NONE = "none"
"""Chosen instead of a size or a style to prefer none any more."""


def prefer_command(menu: policy.Menu, pair: str) -> AnyCommand:
    """The command with the sizes on this menu, and the styles that suit the pair."""
    none = app_commands.Choice(name=locale_str(mark("no preference")), value=NONE)

    @app_commands.command(
        name="prefer", description=mark("Choose what you need not type each time")
    )
    @app_commands.describe(
        size=mark("Your usual size"),
        steps=filled("Your usual steps ({steps} are the usual ones)", steps=menu.steps),
        style=mark("Your usual style"),
        direct_copy=mark("Whether finished pictures come to you by direct message, too"),
    )
    @app_commands.choices(size=[none, *sizes_on(menu)], style=[none, *styles_for(pair)])
    async def prefer(
        interaction: Interaction,
        size: str | None = None,
        steps: app_commands.Range[int, policy.MIN_STEPS, policy.MAX_STEPS] | None = None,
        style: str | None = None,
        direct_copy: bool | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        members = Members(interaction.client.store)
        chosen = await members.preferences(interaction.user.id)
        if size:
            chosen = replace(chosen, size=None if size == NONE else size)
        if steps:
            chosen = replace(chosen, steps=None if steps == menu.steps else steps)
        if style:
            chosen = replace(chosen, preset=None if style == NONE else style)
        if direct_copy is not None:
            chosen = replace(chosen, direct_copy=direct_copy)
        await members.prefer(interaction.user.id, chosen)
        await interaction.edit_original_response(content=_told(chosen, menu))

    return prefer


def _told(chosen: Preferences, menu: policy.Menu) -> str:
    size, steps = chosen.size or menu.sizes[0].name, chosen.steps or menu.steps
    if chosen.preset:
        style = say(chosen.preset)
        usual = say(
            "Size {size}, {steps} steps, style {style}.", size=size, steps=steps, style=style
        )
    else:
        usual = say("Size {size}, {steps} steps, no style.", size=size, steps=steps)
    copies = say("Your pictures come in the channel only.")
    if chosen.direct_copy:
        copies = say("Your pictures come by direct message, too.")
    return " ".join((usual, copies, say("What you type with `/imagine` outweighs this.")))
