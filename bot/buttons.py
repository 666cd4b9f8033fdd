"""Buttons that outlive a restart: all they need stands in their custom id."""

import re
from typing import Any, Self

import discord

from bot.cards import show
from bot.client import AnyButton
from bot.commands.cancel import cancel
from bot.incidents import report
from jobs.card import CANCEL_ID


class CancelButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=CANCEL_ID):
    """Cancels the job whose card it hangs on. `jobs.card` draws it."""

    def __init__(self, button: discord.ui.Button[Any], job_id: int) -> None:
        super().__init__(button)
        self.job_id = job_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(item, int(match["job_id"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Redraws the card at once; the engine's poster will show the same."""
        interaction.client.finish_before_closing()
        try:
            await interaction.response.defer()
            job = await cancel(interaction, self.job_id)
            await show(interaction, job, over=interaction.message)
        except Exception as error:  # discord.py would swallow it
            await report(interaction, error)


BUTTONS: tuple[AnyButton, ...] = (CancelButton,)
