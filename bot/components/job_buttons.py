"""The buttons of a job, one class for each; `core.discord_ui.job_buttons` creates them."""

import asyncio
import re
from contextlib import suppress
from typing import Any

import discord

from bot import policy
from bot.components.edit_modal import EditModal
from bot.components.film_modal import FilmModal
from bot.components.persistent import NEVER, PersistentButton, send_modal
from bot.components.remix_modal import RemixModal
from bot.components.repaint_modal import PanModal, RepaintModal, request_repaint
from bot.decisions import Reason, refuse
from bot.errors import RefusedError, UndeliveredError
from bot.installation import is_foreign
from bot.services.access import (
    actor_of,
    check,
    get_description_job,
    get_finished_job,
    get_visible_job,
)
from bot.services.cancellation import cancel_job, delete_job
from bot.services.foreign_images import check_no_foreign_images, without_foreign_images
from bot.services.job_message import show_job_message
from bot.services.job_views import show_actions, show_details, show_picked, show_timelapse
from bot.services.preferences import preferred_recipe
from bot.services.reactions import FAVOURITES_FULL
from bot.services.responses import acknowledged
from bot.services.submission import submit_job
from bot.types import Interaction
from core.database.members import Toggled
from core.database.messages import Kind
from core.description import read_descriptions
from core.discord_ui.job_buttons import Action, confirm_delete_button, custom_id_template
from core.i18n import gettext, gettext_noop
from core.job import Job
from core.prompts import format_prompts
from core.recipe import MAX_STEPS, SPREAD, STRONG, SUBTLE, random_seed
from core.repaint import Move, Repaint
from core.storage.paths import folder_of

FAVOURITE_TEXTS = {
    Toggled.ADDED: gettext_noop("Added #{job} to your favourites. See `/history`."),
    Toggled.REMOVED: gettext_noop("Removed #{job} from your favourites. See `/history`."),
    Toggled.FULL: FAVOURITES_FULL,
}


class JobButton(PersistentButton, template=NEVER):
    """A button for members who may see the job. `authorize` sets `job`."""

    job: Job

    def __init_subclass__(cls, *, action: Action | None = None) -> None:
        super().__init_subclass__(template=custom_id_template(action) if action else NEVER)

    def __init__(self, button: discord.ui.Button[Any], match: re.Match[str]) -> None:
        super().__init__(button, match)
        self.job_id = int(match["job_id"])
        self.index = int(match["row"] or 0)

    async def authorize(self, interaction: Interaction) -> None:
        self.job = await get_visible_job(interaction, self.job_id)


class FinishedJobButton(JobButton):
    """A button of a job that has images."""

    async def authorize(self, interaction: Interaction) -> None:
        self.job = await get_finished_job(interaction, self.job_id)


class CancelButton(JobButton, action=Action.CANCEL):
    async def authorize(self, interaction: Interaction) -> None:
        job = await interaction.client.jobs.get(self.job_id)
        check(policy.may_cancel(job, actor_of(interaction)))

    async def press(self, interaction: Interaction) -> None:
        """Updates the message at once; the engine will later show the same."""
        async with acknowledged(interaction, updates_message=True) as response:
            job = await cancel_job(
                interaction.client,
                self.job_id,
                actor_of(interaction),
                interaction.user.display_name,
            )
            with suppress(UndeliveredError):
                await show_job_message(response, job, current=interaction.message)


class StopButton(JobButton, action=Action.STOP):
    async def authorize(self, interaction: Interaction) -> None:
        job = await interaction.client.jobs.get(self.job_id)
        check(policy.may_stop(job, actor_of(interaction)))

    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            job = await interaction.client.jobs.request_stop(
                self.job_id, actor_id=interaction.user.id
            )
            if job is None:
                raise RefusedError(
                    gettext("Job #{job} finished before it could be stopped.", job=self.job_id)
                )
            await response.edit(
                gettext(
                    "Job #{job} will stop after its current step, and the image so far will be"
                    " kept.",
                    job=self.job_id,
                )
            )


class AgainButton(JobButton, action=Action.AGAIN):
    async def press(self, interaction: Interaction) -> None:
        await submit_job(interaction, self.job.recipe.with_seed(random_seed()), parent=self.job)


class VaryButton(FinishedJobButton, action=Action.VARY):
    spread = SPREAD

    async def press(self, interaction: Interaction) -> None:
        recipe = self.job.recipe.vary(self.job_id, self.index, random_seed(), spread=self.spread)
        recipe = await without_foreign_images(interaction, recipe)
        await submit_job(interaction, recipe, parent=self.job)


class VarySubtlyButton(VaryButton, action=Action.SUBTLE):
    spread = SUBTLE


class VaryStronglyButton(VaryButton, action=Action.STRONG):
    spread = STRONG


class RemixButton(FinishedJobButton, action=Action.REMIX):
    async def press(self, interaction: Interaction) -> None:
        await send_modal(interaction, RemixModal.of_job(self.job, self.index))


class RepaintButton(FinishedJobButton, action=Action.REPAINT):
    async def press(self, interaction: Interaction) -> None:
        await send_modal(interaction, RepaintModal.of_job(self.job, self.index))


class ZoomOutButton(FinishedJobButton, action=Action.ZOOM_OUT):
    async def press(self, interaction: Interaction) -> None:
        recipe = self.job.recipe
        texts = format_prompts(recipe.include), format_prompts(recipe.exclude)
        repaint = Repaint(move=Move.ZOOM_OUT)
        await request_repaint(interaction, self.job, self.index, *texts, repaint)


class PanButton(FinishedJobButton, action=Action.PAN):
    async def press(self, interaction: Interaction) -> None:
        await send_modal(interaction, PanModal.of_job(self.job, self.index))


class FilmButton(FinishedJobButton, action=Action.FILM):
    async def press(self, interaction: Interaction) -> None:
        await send_modal(interaction, FilmModal.of_job(self.job, self.index))


class LargerButton(FinishedJobButton, action=Action.LARGER):
    async def press(self, interaction: Interaction) -> None:
        steps = min(self.job.recipe.steps, MAX_STEPS)
        recipe = self.job.recipe.upscale(self.job_id, self.index, steps)
        recipe = await without_foreign_images(interaction, recipe)
        await submit_job(interaction, recipe, parent=self.job)


class MoreStepsButton(FinishedJobButton, action=Action.MORE):
    async def press(self, interaction: Interaction) -> None:
        steps = min(self.job.recipe.steps, MAX_STEPS)
        recipe = self.job.recipe.continue_from(self.job_id, self.index, steps)
        recipe = await without_foreign_images(interaction, recipe)
        await submit_job(interaction, recipe, parent=self.job)


class EditButton(JobButton, action=Action.EDIT):
    async def press(self, interaction: Interaction) -> None:
        # Refuse now, not after the member has filled in the form.
        await check_no_foreign_images(interaction, self.job.recipe)
        await send_modal(interaction, EditModal.of_job(self.job, interaction.client.settings.model))


class PickButton(FinishedJobButton, action=Action.PICK):
    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await show_picked(response, self.job, self.index)


class ActionsButton(FinishedJobButton, action=Action.ACTIONS):
    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await show_actions(response, self.job)


class FavouriteButton(FinishedJobButton, action=Action.FAVOURITE):
    async def press(self, interaction: Interaction) -> None:
        bot, most = interaction.client, interaction.client.settings.max_favourites
        async with acknowledged(interaction, ephemeral=True) as response:
            toggled = await bot.members.toggle_favourite(
                interaction.user.id, self.job_id, limit=most
            )
            await response.edit(gettext(FAVOURITE_TEXTS[toggled], job=self.job_id, n=most))


class TimelapseButton(FinishedJobButton, action=Action.TIMELAPSE):
    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction) as response:
            messages, message_id = interaction.client.messages, response.message_id
            channel_id = interaction.channel_id
            assert message_id is not None
            assert channel_id is not None
            # If the job is being deleted right now, this message is deleted, too.
            if is_foreign(interaction) or await messages.sent(
                self.job_id, Kind.TIMELAPSE, channel_id, message_id
            ):
                await show_timelapse(response, self.job)


class DetailsButton(JobButton, action=Action.DETAILS):
    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            await show_details(response, self.job)


class PaintButton(JobButton, action=Action.PAINT):
    """Requests one of an image's descriptions, with the preferences of the member who presses."""

    async def authorize(self, interaction: Interaction) -> None:
        self.job = await get_description_job(interaction, self.job_id)

    async def press(self, interaction: Interaction) -> None:
        folder = folder_of(self.job_id, interaction.client.settings.data_dir)
        descriptions = await asyncio.to_thread(read_descriptions, folder)
        if self.index >= len(descriptions):
            raise RefusedError(refuse(Reason.JOB_NOT_VISIBLE).refusal)
        recipe = await preferred_recipe(interaction, descriptions[self.index].prompt)
        await submit_job(interaction, recipe, parent=self.job)


class DeletingButton(JobButton):
    """A button for those who may delete the job's images."""

    async def authorize(self, interaction: Interaction) -> None:
        job = await interaction.client.jobs.get(self.job_id)
        check(policy.may_delete(job, actor_of(interaction)))
        assert job is not None
        self.job = job


class DeleteButton(DeletingButton, action=Action.DELETE):
    async def press(self, interaction: Interaction) -> None:
        await interaction.response.send_message(
            gettext("Permanently delete the images of #{job}, here and on disk?", job=self.job_id),
            view=confirm_delete_button(self.job_id),
            ephemeral=True,
        )


class ConfirmDeleteButton(DeletingButton, action=Action.CONFIRM_DELETE):
    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, updates_message=True) as response:
            await delete_job(interaction.client, self.job_id, actor_of(interaction))
            await response.edit(gettext("#{job} was deleted.", job=self.job_id), view=None)


JOB_BUTTONS = (
    CancelButton,
    StopButton,
    AgainButton,
    VaryButton,
    VarySubtlyButton,
    VaryStronglyButton,
    RemixButton,
    RepaintButton,
    ZoomOutButton,
    PanButton,
    FilmButton,
    LargerButton,
    MoreStepsButton,
    EditButton,
    PickButton,
    ActionsButton,
    FavouriteButton,
    TimelapseButton,
    DetailsButton,
    PaintButton,
    DeleteButton,
    ConfirmDeleteButton,
)
