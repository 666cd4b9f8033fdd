"""The form behind the Edit button: a job's recipe, to be changed and requested again."""

import re
from collections.abc import Sequence
from typing import Any, Self

import discord

from bot import policy
from bot.components.persistent import (
    PersistentModal,
    check_prompts,
    number_between,
    value_of,
)
from bot.services.access import get_visible_job
from bot.services.submission import submit_job
from bot.types import Interaction
from core.discord_ui.custom_ids import ID, encode, template
from core.i18n import gettext, gettext_noop
from core.job import Job
from core.prompts import MAX_PROMPT_LENGTH, format_prompts
from core.recipe import SEEDS, Recipe, random_seed

KIND = "recipe"

INCLUDE, EXCLUDE, SIZE = gettext_noop("Include"), gettext_noop("Exclude"), gettext_noop("Size")
STEPS, SEED = gettext_noop("Steps"), gettext_noop("Seed (leave empty for a new one)")

STEPS_REFUSED = gettext_noop("Steps must be a whole number from {least} to {most}.")
SEED_REFUSED = gettext_noop("A seed must be a whole number from {least} to {most}.")

_LONG = discord.TextStyle.paragraph


class EditModal(PersistentModal):
    template = template(KIND, job_id=ID)

    def __init__(
        self,
        job_id: int,
        recipe: Recipe | None = None,
        sizes: Sequence[discord.SelectOption] = (),
    ) -> None:
        super().__init__(title=gettext("Edit #{job}", job=job_id), custom_id=encode(KIND, job_id))
        self.job_id = job_id
        include, exclude, steps, seed = _texts_of(recipe) if recipe else ("", "", "", "")
        required = not (recipe and recipe.include_images)
        self.include = _text("include", include, MAX_PROMPT_LENGTH, required, _LONG)
        self.exclude = _text("exclude", exclude, MAX_PROMPT_LENGTH, False, _LONG)
        self.size: discord.ui.Select[Any] = discord.ui.Select(custom_id="size", options=[*sizes])
        self.steps = _text("steps", steps, 6)
        self.seed = _text("seed", seed, 12, required=False)
        for name, component in (
            (INCLUDE, self.include),
            (EXCLUDE, self.exclude),
            (SIZE, self.size),
            (STEPS, self.steps),
            (SEED, self.seed),
        ):
            self.add_item(discord.ui.Label(text=gettext(name), component=component))

    @classmethod
    def of_job(cls, job: Job, default_model: str) -> Self:
        """The form for a job, filled in with its recipe."""
        return cls(job.id, job.recipe, _size_options(job, job.recipe.model or default_model))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["job_id"]))

    @classmethod
    async def reopened(cls, interaction: Interaction, match: re.Match[str]) -> Self:
        job = await get_visible_job(interaction, int(match["job_id"]))
        return cls.of_job(job, interaction.client.settings.model)

    async def submit(self, interaction: Interaction) -> None:
        job = await get_visible_job(interaction, self.job_id)
        await submit_job(interaction, self._recipe(job), parent=job)

    def _recipe(self, job: Job) -> Recipe:
        """The job's recipe with these changes. Raises RefusedError, RecipeError."""
        include, exclude = value_of(self.include), value_of(self.exclude)
        check_prompts(include, exclude)
        least, most = policy.MIN_STEPS, policy.MAX_STEPS
        steps = number_between(value_of(self.steps), least, most, STEPS_REFUSED)
        seed = random_seed()
        if typed := value_of(self.seed).strip():
            seed = number_between(typed, 0, SEEDS - 1, SEED_REFUSED)
        size = "".join(self.size.values[:1])
        return job.recipe.edited(include, exclude, size, steps, seed)


def _texts_of(recipe: Recipe) -> tuple[str, str, str, str]:
    """Include, exclude, steps and seed, as text to edit."""
    include, exclude = format_prompts(recipe.include), format_prompts(recipe.exclude)
    return include, exclude, str(recipe.steps), str(recipe.seed)


def _text(
    name: str,
    value: str,
    max_length: int,
    required: bool = True,
    style: discord.TextStyle = discord.TextStyle.short,
) -> discord.ui.TextInput[Any]:
    """A text field. Its maximum length is raised if its value is longer."""
    return discord.ui.TextInput(
        custom_id=name,
        default=value or None,
        required=required,
        style=style,
        max_length=max(max_length, len(value)),
    )


def _size_options(job: Job, model: str) -> list[discord.SelectOption]:
    """The sizes on offer, preceded by the job's own if it is not one of them."""
    sizes = policy.menu(model).suggested
    labels = {size.name: gettext(size.label, size=size.name) for size in sizes}
    if job.recipe.size not in labels:
        labels = {job.recipe.size: job.recipe.size, **labels}
    return [
        discord.SelectOption(label=label, value=name, default=name == job.recipe.size)
        for name, label in labels.items()
    ]
