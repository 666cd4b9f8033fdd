"""The buttons below the question whether to queue several requests."""

from bot.components.persistent import PersistentButton
from bot.services.permutations import CONFIRM, DISCARD, queue_draft
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.discord_ui.custom_ids import ID, template
from core.i18n import gettext


class ConfirmButton(PersistentButton, template=template(CONFIRM, draft=ID)):
    async def authorize(self, interaction: Interaction) -> None:
        """Anyone may press it: a draft is only found for its own member."""

    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, updates_message=True) as response:
            await queue_draft(response, int(self.match["draft"]))


class DiscardButton(PersistentButton, template=template(DISCARD, draft=ID)):
    async def authorize(self, interaction: Interaction) -> None:
        """As for `ConfirmButton`."""

    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, updates_message=True) as response:
            await interaction.client.drafts.delete(int(self.match["draft"]), interaction.user.id)
            await response.edit(gettext("Nothing was queued."), view=None)
