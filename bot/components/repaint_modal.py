"""The forms behind the Repaint and Pan buttons: repaint a part of a finished image."""

import re
from collections.abc import Mapping
from typing import Any, Self

import discord

from bot.components.persistent import PersistentModal, check_prompts, value_of
from bot.errors import RefusedError
from bot.services.access import get_finished_job
from bot.services.foreign_images import without_foreign_images
from bot.services.submission import Uploads, submit_job
from bot.types import Interaction
from core.discord_ui.custom_ids import ID, encode, template
from core.i18n import gettext, gettext_noop
from core.job import Job
from core.prompts import MAX_PROMPT_LENGTH, RecipeError, format_prompts
from core.recipe import random_seed
from core.regions import MAX_REGIONS, REGIONS, Region, too_many_regions
from core.repaint import Move, Repaint, parse_regions, part_help

BOX = gettext_noop("Or a box: left, top, right, bottom in %")
REGION_LABELS = {
    "left": gettext_noop("The left half"),
    "right": gettext_noop("The right half"),
    "top": gettext_noop("The upper half"),
    "bottom": gettext_noop("The lower half"),
    "centre": gettext_noop("The centre"),
}
MOVE_LABELS: Mapping[str, str] = {
    Move.LEFT: gettext_noop("← to the left"),
    Move.UP: gettext_noop("↑ upwards"),
    Move.RIGHT: gettext_noop("→ to the right"),
    Move.DOWN: gettext_noop("↓ downwards"),
}


class ImagePartModal(PersistentModal):
    """A form with the prompts for a part of one image of a job."""

    def __init__(
        self, title: str, custom_id: str, job_id: int, row: int, include: str, exclude: str
    ) -> None:
        super().__init__(title=title, custom_id=custom_id)
        self.job_id, self.row = job_id, row
        self.include = _prompts("include", include, required=bool(include))
        self.exclude = _prompts("exclude", exclude, required=False)
        self.add_item(discord.ui.Label(text=gettext("Include"), component=self.include))
        self.add_item(discord.ui.Label(text=gettext("Exclude"), component=self.exclude))

    @classmethod
    def of_job(cls, job: Job, row: int) -> Self:
        recipe = job.recipe
        return cls.of(job.id, row, format_prompts(recipe.include), format_prompts(recipe.exclude))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls.of(int(match["job_id"]), int(match["row"]))

    @classmethod
    async def reopened(cls, interaction: Interaction, match: re.Match[str]) -> Self:
        job = await get_finished_job(interaction, int(match["job_id"]))
        return cls.of_job(job, int(match["row"]))

    @classmethod
    def of(cls, job_id: int, row: int, include: str = "", exclude: str = "") -> Self:
        raise NotImplementedError

    def texts(self) -> tuple[str, str]:
        """Include and exclude prompts. Raises RefusedError, which names their field."""
        texts = value_of(self.include), value_of(self.exclude)
        check_prompts(*texts)
        return texts

    async def request(
        self,
        interaction: Interaction,
        repaint: Repaint | None,
        mask: discord.Attachment | None = None,
    ) -> None:
        job = await get_finished_job(interaction, self.job_id)
        await request_repaint(interaction, job, self.row, *self.texts(), repaint, mask)


class RepaintModal(ImagePartModal):
    template = template("repainted", job_id=ID, row="[0-3]")

    @classmethod
    def of(cls, job_id: int, row: int, include: str = "", exclude: str = "") -> Self:
        title = gettext("Repaint a part of #{job}", job=job_id)
        form = cls(title, encode("repainted", job_id, row), job_id, row, include, exclude)
        form.regions = select("regions", REGION_LABELS, most=MAX_REGIONS, required=False)
        form.box = discord.ui.TextInput(
            custom_id="box", required=False, max_length=100, placeholder="10 20 60 80"
        )
        form.mask = discord.ui.FileUpload(custom_id="mask", required=False, max_values=1)
        for label, component in (
            (gettext("Which part"), form.regions),
            (gettext(BOX), form.box),
            (gettext("Or an image that's white there"), form.mask),
        ):
            form.add_item(discord.ui.Label(text=label, component=component))
        return form

    regions: "discord.ui.Select[Any]"
    box: "discord.ui.TextInput[Any]"
    mask: "discord.ui.FileUpload[Any]"

    async def submit(self, interaction: Interaction) -> None:
        regions = [REGIONS[name] for name in self.regions.values if name in REGIONS]
        regions += self._regions_of_box()
        if len(regions) > MAX_REGIONS:
            raise RecipeError(too_many_regions())
        mask = next(iter(self.mask.values), None)
        repaint = Repaint(tuple(regions)) if regions else None
        if bool(repaint) == bool(mask):
            raise RecipeError(part_help())
        await self.request(interaction, repaint, mask)

    def _regions_of_box(self) -> tuple[Region, ...]:
        """The regions typed as a box, if any. Raises RefusedError, which names the field."""
        box = value_of(self.box).strip()
        try:
            return parse_regions(box) if box else ()
        except RecipeError as error:
            raise RefusedError(f"**{gettext(BOX)}**: {error}") from None


class PanModal(ImagePartModal):
    template = template("panned", job_id=ID, row="[0-3]")
    move: "discord.ui.Select[Any]"

    @classmethod
    def of(cls, job_id: int, row: int, include: str = "", exclude: str = "") -> Self:
        title = gettext("See what is beside #{job}", job=job_id)
        form = cls(title, encode("panned", job_id, row), job_id, row, include, exclude)
        form.move = select("move", MOVE_LABELS)
        form.add_item(discord.ui.Label(text=gettext("Where to look"), component=form.move))
        return form

    async def submit(self, interaction: Interaction) -> None:
        chosen = "".join(self.move.values[:1])
        if chosen not in MOVE_LABELS:
            raise RecipeError(part_help())
        await self.request(interaction, Repaint(move=Move(chosen)))


async def request_repaint(
    interaction: Interaction,
    job: Job,
    row: int,
    include: str,
    exclude: str,
    repaint: Repaint | None,
    mask: discord.Attachment | None = None,
) -> None:
    """Requests an image of a job with a part of it repainted."""
    recipe = await without_foreign_images(
        interaction, job.recipe.for_repainting(include, exclude, random_seed())
    )
    uploads = Uploads(finished=(job, row), repaint=repaint, mask=mask)
    await submit_job(interaction, recipe, uploads, parent=job)


def select(
    name: str, labels: Mapping[str, str], *, most: int = 1, required: bool = True
) -> "discord.ui.Select[Any]":
    """A menu of these values with their labels."""
    return discord.ui.Select(
        custom_id=name,
        required=required,
        min_values=1 if required else 0,
        max_values=most,
        options=[
            discord.SelectOption(label=gettext(label), value=value)
            for value, label in labels.items()
        ],
    )


def _prompts(name: str, value: str, required: bool) -> "discord.ui.TextInput[Any]":
    return discord.ui.TextInput(
        custom_id=name,
        default=value or None,
        required=required,
        style=discord.TextStyle.paragraph,
        max_length=max(MAX_PROMPT_LENGTH, len(value)),
    )
