"""The form behind the Remix button: variations of an image with other prompts."""

import re
from typing import Any, Self

import discord

from bot.components.persistent import (
    PersistentModal,
    check_prompts,
    chosen_value,
    radio_group,
    value_of,
)
from bot.services.access import get_finished_job
from bot.services.foreign_images import without_foreign_images
from bot.services.submission import submit_job
from bot.types import Interaction
from core.discord_ui.custom_ids import ID, encode, template
from core.i18n import gettext, gettext_noop
from core.job import Job
from core.prompts import MAX_PROMPT_LENGTH, format_prompts
from core.recipe import SPREAD, STRONG, SUBTLE, random_seed

KIND = "remixed"
STRENGTHS = {
    gettext_noop("A little"): SUBTLE,
    gettext_noop("Clearly"): SPREAD,
    gettext_noop("A lot"): STRONG,
}


class RemixModal(PersistentModal):
    template = template(KIND, job_id=ID, row="[0-3]")

    def __init__(self, job_id: int, row: int, include: str = "", exclude: str = "") -> None:
        super().__init__(
            title=gettext("Remix #{job}", job=job_id), custom_id=encode(KIND, job_id, row)
        )
        self.job_id, self.row = job_id, row
        self.include = _text("include", include, required=bool(include))
        self.exclude = _text("exclude", exclude, required=False)
        self.strength = radio_group("strength", STRENGTHS, SPREAD)
        for label, component in (
            (gettext("Include"), self.include),
            (gettext("Exclude"), self.exclude),
            (gettext("How much to change the image"), self.strength),
        ):
            self.add_item(discord.ui.Label(text=label, component=component))

    @classmethod
    def of_job(cls, job: Job, row: int) -> Self:
        recipe = job.recipe
        return cls(job.id, row, format_prompts(recipe.include), format_prompts(recipe.exclude))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["job_id"]), int(match["row"]))

    @classmethod
    async def reopened(cls, interaction: Interaction, match: re.Match[str]) -> Self:
        job = await get_finished_job(interaction, int(match["job_id"]))
        return cls.of_job(job, int(match["row"]))

    async def submit(self, interaction: Interaction) -> None:
        job = await get_finished_job(interaction, self.job_id)
        include, exclude = value_of(self.include), value_of(self.exclude)
        check_prompts(include, exclude)
        spread = chosen_value(self.strength, STRENGTHS, SPREAD)
        recipe = job.recipe.remix(job.id, self.row, include, exclude, spread, random_seed())
        recipe = await without_foreign_images(interaction, recipe)
        await submit_job(interaction, recipe, parent=job)


def _text(name: str, value: str, required: bool) -> discord.ui.TextInput[Any]:
    return discord.ui.TextInput(
        custom_id=name,
        default=value or None,
        required=required,
        style=discord.TextStyle.paragraph,
        max_length=max(MAX_PROMPT_LENGTH, len(value)),
    )
