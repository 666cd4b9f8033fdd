"""The form behind the Film button: a film that travels through a finished image."""

from typing import Any, Self

import discord

from bot.components.repaint_modal import ImagePartModal, select
from bot.services.access import get_finished_job
from bot.services.foreign_images import without_foreign_images
from bot.services.submission import submit_job
from bot.types import Interaction
from core.discord_ui.custom_ids import ID, encode, template
from core.discord_ui.job_message import MOTIONS
from core.film import DEFAULT_FRAMES, Film, Motion
from core.i18n import gettext
from core.job import Job
from core.prompts import RecipeError, format_prompts
from core.recipe import random_seed

KIND = "filmed"
LENGTHS = (30, DEFAULT_FRAMES, 120, 240)
"""Film lengths on offer, in frames."""


class FilmModal(ImagePartModal):
    template = template(KIND, job_id=ID, row="[0-3]")
    motion: "discord.ui.Select[Any]"
    length: "discord.ui.Select[Any]"

    @classmethod
    def of_job(cls, job: Job, row: int) -> Self:
        """The form for an image of a job, with the cost of each length."""
        recipe = job.recipe
        form = cls.of(job.id, row, format_prompts(recipe.include), format_prompts(recipe.exclude))
        for option in form.length.options:
            images = Film(Motion.ZOOM_IN, int(option.value)).steps / recipe.image_steps
            option.description = gettext(
                "As much work as {images} images like this one", images=f"{images:.1f}"
            )
        return form

    @classmethod
    def of(cls, job_id: int, row: int, include: str = "", exclude: str = "") -> Self:
        title = gettext("Make a film of #{job}", job=job_id)
        form = cls(title, encode(KIND, job_id, row), job_id, row, include, exclude)
        form.motion = select("motion", MOTIONS)
        form.length = discord.ui.Select(custom_id="length", options=list(map(_length, LENGTHS)))
        for label, component in (
            (gettext("How the view moves"), form.motion),
            (gettext("Length"), form.length),
        ):
            form.add_item(discord.ui.Label(text=label, component=component))
        return form

    async def submit(self, interaction: Interaction) -> None:
        motion, length = (next(iter(chosen.values), "") for chosen in (self.motion, self.length))
        if motion not in MOTIONS or length not in map(str, LENGTHS):
            raise RecipeError(gettext("Choose how the view moves, and for how long."))
        job = await get_finished_job(interaction, self.job_id)
        recipe = job.recipe.film_from(
            job.id,
            self.row,
            *self.texts(),
            Film.of(Motion(motion), int(length)),
            random_seed(),
        )
        recipe = await without_foreign_images(interaction, recipe)
        await submit_job(interaction, recipe, parent=job)


def _length(frames: int) -> discord.SelectOption:
    seconds = Film(Motion.ZOOM_IN, frames).seconds
    label = gettext("{seconds} s: {n} frames", seconds=f"{seconds:g}", n=frames)
    return discord.SelectOption(label=label, value=str(frames), default=frames == DEFAULT_FRAMES)
