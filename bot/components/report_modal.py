"""The form for reporting an image to the moderators."""

import re
from typing import Any, Self

import discord

from bot.components.persistent import PersistentModal, value_of
from bot.services.access import get_visible_job
from bot.services.reports import report_job
from bot.types import Interaction
from core.discord_ui.custom_ids import ID, encode, template
from core.i18n import gettext

KIND = "report"
MAX_REASON = 500  #: characters


class ReportModal(PersistentModal):
    template = template(KIND, job_id=ID)

    def __init__(self, job_id: int) -> None:
        super().__init__(title=gettext("Report #{job}", job=job_id), custom_id=encode(KIND, job_id))
        self.job_id = job_id
        self.reason: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="reason",
            style=discord.TextStyle.paragraph,
            max_length=MAX_REASON,
            required=False,
        )
        self.add_item(
            discord.ui.Label(text=gettext("What is wrong with this image?"), component=self.reason)
        )

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["job_id"]))

    async def submit(self, interaction: Interaction) -> None:
        job = await get_visible_job(interaction, self.job_id)
        await report_job(interaction, job, value_of(self.reason).strip() or None)
