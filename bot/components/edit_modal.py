"""The form behind the Edit button: a job's recipe, to be changed and requested again.

If something is wrong, the error shows what was typed, and a button opens the form with it again.
"""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Self

import discord

from bot import policy
from bot.components.persistent import (
    PersistentButton,
    PersistentModal,
    number_between,
    send_modal,
    value_of,
)
from bot.errors import RefusedError
from bot.services.access import get_visible_job
from bot.services.submission import submit_job
from bot.types import Interaction
from core.discord_ui.custom_ids import ID, encode, template
from core.discord_ui.views import static_view
from core.i18n import gettext, gettext_noop
from core.job import Job
from core.prompts import MAX_PROMPT_LENGTH, RecipeError, format_prompts, parse_prompts
from core.recipe import SEEDS, Recipe, drawn_seed

KIND, AGAIN = "recipe", "editagain"

INCLUDE, EXCLUDE, SIZE = gettext_noop("Include"), gettext_noop("Exclude"), gettext_noop("Size")
STEPS, SEED = gettext_noop("Steps"), gettext_noop("Seed (leave empty for a new one)")

STEPS_REFUSED = gettext_noop("Steps must be a whole number from {least} to {most}.")
SEED_REFUSED = gettext_noop("A seed must be a whole number from {least} to {most}.")

_LONG = discord.TextStyle.paragraph
_FENCES = "```\n", "\n```"


@dataclass(frozen=True, slots=True)
class Draft:
    """A recipe as it is typed into the form."""

    include: str = ""
    exclude: str = ""
    size: str = ""
    steps: str = ""
    seed: str = ""

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        include, exclude = format_prompts(recipe.include), format_prompts(recipe.exclude)
        return cls(include, exclude, recipe.size, str(recipe.steps), str(recipe.seed))

    def embed(self) -> discord.Embed:
        """Shows the draft, and keeps it for the button below."""
        embed = discord.Embed(colour=discord.Colour.light_grey())
        for name, value in zip((INCLUDE, EXCLUDE, SIZE, STEPS, SEED), astuple(self), strict=True):
            embed.add_field(name=gettext(name), value=value.join(_FENCES), inline=False)
        return embed

    @classmethod
    def from_embed(cls, embed: discord.Embed) -> Self:
        """The inverse of `embed`."""
        before, after = _FENCES
        values = [
            str(field.value).removeprefix(before).removesuffix(after) for field in embed.fields
        ]
        return cls(*values)


class EditModal(PersistentModal):
    template = template(KIND, job_id=ID)

    def __init__(
        self,
        job_id: int,
        draft: Draft,
        sizes: Sequence[discord.SelectOption] = (),
        *,
        include_required: bool = True,
    ) -> None:
        super().__init__(title=gettext("Edit #{job}", job=job_id), custom_id=encode(KIND, job_id))
        self.job_id = job_id
        self.include = _text("include", draft.include, MAX_PROMPT_LENGTH, include_required, _LONG)
        self.exclude = _text("exclude", draft.exclude, MAX_PROMPT_LENGTH, False, _LONG)
        self.size: discord.ui.Select[Any] = discord.ui.Select(custom_id="size", options=[*sizes])
        self.steps = _text("steps", draft.steps, 6)
        self.seed = _text("seed", draft.seed, 12, required=False)
        for name, component in (
            (INCLUDE, self.include),
            (EXCLUDE, self.exclude),
            (SIZE, self.size),
            (STEPS, self.steps),
            (SEED, self.seed),
        ):
            self.add_item(discord.ui.Label(text=gettext(name), component=component))

    @classmethod
    def of_job(cls, job: Job, model: str, draft: Draft | None = None) -> Self:
        """The form for a job, filled in with its recipe or with an earlier draft."""
        draft = draft or Draft.of(job.recipe)
        return cls(
            job.id,
            draft,
            _size_options(job, model, draft.size),
            include_required=not job.recipe.include_images,
        )

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["job_id"]), Draft())

    async def submit(self, interaction: Interaction) -> None:
        job = await get_visible_job(interaction, self.job_id)
        draft = Draft(
            value_of(self.include),
            value_of(self.exclude),
            "".join(self.size.values[:1]),
            value_of(self.steps),
            value_of(self.seed),
        )
        try:
            await submit_job(interaction, _recipe(job, draft), parent=job)
        except RefusedError as error:
            if interaction.response.is_done():
                raise
            await interaction.response.send_message(
                str(error), embed=draft.embed(), view=_again_view(self.job_id), ephemeral=True
            )


class EditAgainButton(PersistentButton, template=template(AGAIN, job_id=ID)):
    """The button below an error, which opens the form again with what was typed."""

    async def authorize(self, interaction: Interaction) -> None:
        self.job = await get_visible_job(interaction, int(self.match["job_id"]))

    async def press(self, interaction: Interaction) -> None:
        embeds = interaction.message.embeds if interaction.message else []
        draft = Draft.from_embed(embeds[0]) if embeds and len(embeds[0].fields) == 5 else None
        model = interaction.client.settings.model
        await send_modal(interaction, EditModal.of_job(self.job, model, draft))


def _text(
    name: str,
    value: str,
    longest: int,
    required: bool = True,
    style: discord.TextStyle = discord.TextStyle.short,
) -> discord.ui.TextInput[Any]:
    """A text field that is never too short for its value."""
    return discord.ui.TextInput(
        custom_id=name,
        default=value or None,
        required=required,
        style=style,
        max_length=max(longest, len(value)),
    )


def _size_options(job: Job, model: str, chosen: str) -> list[discord.SelectOption]:
    """The sizes on offer; first the job's own, if it is another one."""
    sizes = policy.menu(model).suggested
    labels = {size.name: gettext(size.label, size=size.name) for size in sizes}
    if job.recipe.size not in labels:
        labels = {job.recipe.size: job.recipe.size, **labels}
    selected = chosen if chosen in labels else job.recipe.size
    return [
        discord.SelectOption(label=label, value=name, default=name == selected)
        for name, label in labels.items()
    ]


def _again_view(job_id: int) -> discord.ui.View:
    button: discord.ui.Button[Any] = discord.ui.Button(
        label=gettext("Edit again"),
        style=discord.ButtonStyle.primary,
        custom_id=encode(AGAIN, job_id),
    )
    return static_view([button])


def _recipe(job: Job, draft: Draft) -> Recipe:
    """The job's recipe with these changes. Raises RefusedError, which names the wrong field."""
    for name, text in ((INCLUDE, draft.include), (EXCLUDE, draft.exclude)):
        try:
            if text.strip():
                parse_prompts(text, excluded=name == EXCLUDE)
        except RecipeError as error:
            raise RefusedError(f"**{gettext(name)}**: {error}") from None
    steps = number_between(draft.steps, policy.MIN_STEPS, policy.MAX_STEPS, STEPS_REFUSED)
    seed = drawn_seed()
    if draft.seed.strip():
        seed = number_between(draft.seed, 0, SEEDS - 1, SEED_REFUSED)
    try:
        return job.recipe.edited(draft.include, draft.exclude, draft.size, steps, seed)
    except RecipeError as error:
        raise RefusedError(str(error)) from None
