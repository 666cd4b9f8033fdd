"""The button of /privacy."""

from typing import Any

import discord

from bot.components.persistent import PersistentButton
from bot.errors import RefusedError
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.discord_ui.custom_ids import ID, encode, template
from core.discord_ui.views import static_view
from core.i18n import gettext, ngettext

KIND = "forget"


def delete_everything_button(member_id: int) -> discord.ui.View:
    """The button that deletes all data about this member."""
    button: discord.ui.Button[Any] = discord.ui.Button(
        label=gettext("Delete everything"),
        style=discord.ButtonStyle.danger,
        custom_id=encode(KIND, member_id),
    )
    return static_view([button])


class DeleteEverythingButton(PersistentButton, template=template(KIND, member=ID)):
    async def authorize(self, interaction: Interaction) -> None:
        if str(interaction.user.id) != self.match["member"]:
            raise RefusedError(gettext("You can only delete your own data."))

    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, updates_message=True) as response:
            jobs = await interaction.client.deletions.delete_member(interaction.user.id)
            text = ngettext(
                "Deleted {n} request and everything else kept about you. Messages and files are"
                " being removed now; with many of them that can take a while.",
                "Deleted {n} requests and everything else kept about you. Messages and files are"
                " being removed now; with many of them that can take a while.",
                jobs,
            )
            await response.edit(text, attachments=[], view=None)
