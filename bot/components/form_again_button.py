"""The button below an error, which reopens a form with what was typed."""

import re
from typing import cast

from bot.client import OUTDATED_FORM
from bot.components.persistent import AGAIN, PersistentButton, PersistentModal, send_modal
from bot.errors import RefusedError
from bot.types import Interaction
from core.discord_ui.custom_ids import PREFIX, template
from core.i18n import gettext


class FormAgainButton(PersistentButton, template=template(AGAIN, form=r"[\w:-]{1,90}")):
    async def authorize(self, interaction: Interaction) -> None:
        """Anyone may press it: the form checks access to its job."""

    async def press(self, interaction: Interaction) -> None:
        found = interaction.client.modal_of(f"{PREFIX}:{self.match['form']}")
        embeds = interaction.message.embeds if interaction.message else []
        if found is None or not embeds:
            raise RefusedError(gettext(OUTDATED_FORM))
        modal, match = cast("tuple[type[PersistentModal], re.Match[str]]", found)
        form = await modal.reopened(interaction, match)
        form.refill(embeds[0])
        await send_modal(interaction, form)
