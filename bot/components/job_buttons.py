"""Answers the buttons on a job's card; `core.discord_ui.job_buttons` draws them."""

from collections.abc import Awaitable, Callable
from functools import partial

from bot import policy
from bot.commands.cancel import cancel
from bot.components.buttons import answers
from bot.components.edit_form import edit_form
from bot.errors import RefusedError
from bot.services import job_views
from bot.services.job_message import show
from bot.services.submission import (
    Interaction,
    ask,
    asker_of,
    check,
    own_images_only,
    seen,
    without_foreign_images,
)
from core.database.members import Members
from core.database.messages import Kind
from core.discord_ui.job_buttons import Action, sure_button
from core.i18n import say
from core.job import Job, State
from core.moderation import Act
from core.recipe import MAX_STEPS, Recipe, drawn_seed

Handler = Callable[[Interaction, int, int], Awaitable[None]]


async def painted(interaction: Interaction, job_id: int) -> Job:
    """The job, if it has pictures that the member may look at. Raises RefusedError."""
    job = await seen(interaction, job_id)
    if job.state is not State.DONE:
        raise RefusedError(say("Job #{job} has no picture.", job=job.id))
    return job


async def _cancel(interaction: Interaction, job_id: int, row: int) -> None:
    """Redraws the card at once; the engine's poster will show the same."""
    await interaction.response.defer()
    job = await cancel(interaction, job_id)
    await show(interaction, job, over=interaction.message)


async def _stop(interaction: Interaction, job_id: int, row: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    store = interaction.client.store
    check(policy.may_stop(await store.job(job_id), asker_of(interaction)))
    job = await store.stop(job_id)
    if job is None:
        raise RefusedError(
            say("Job #{job} came to its end just before you stopped it.", job=job_id)
        )
    await interaction.client.moderation.acted(Act.STOP, job, interaction.user.id)
    told = say("Job #{job} stops at its next step, and what is there is its picture.", job=job_id)
    await interaction.edit_original_response(content=told)


async def _again(interaction: Interaction, job_id: int, row: int) -> None:
    job = await seen(interaction, job_id)
    await ask(interaction, job.recipe.again(drawn_seed()), parent=job)


async def _vary(interaction: Interaction, job_id: int, row: int) -> None:
    job = await painted(interaction, job_id)
    recipe = await without_foreign_images(interaction, job.recipe.vary(job.id, row, drawn_seed()))
    await ask(interaction, recipe, parent=job)


async def _larger(interaction: Interaction, job_id: int, row: int) -> None:
    job = await painted(interaction, job_id)
    recipe = await without_foreign_images(
        interaction, job.recipe.larger(job.id, row, _steps(job.recipe))
    )
    await ask(interaction, recipe, parent=job)


async def _more(interaction: Interaction, job_id: int, row: int) -> None:
    job = await painted(interaction, job_id)
    recipe = await without_foreign_images(
        interaction, job.recipe.more(job.id, row, _steps(job.recipe))
    )
    await ask(interaction, recipe, parent=job)


async def _edit(interaction: Interaction, job_id: int, row: int) -> None:
    job = await seen(interaction, job_id)
    await own_images_only(interaction, job.recipe)  # before the form is filled in for nothing
    await interaction.response.send_modal(edit_form(job))


async def _pick(interaction: Interaction, job_id: int, row: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    await job_views.show_picked(interaction, await painted(interaction, job_id), row)


async def _favourite(interaction: Interaction, job_id: int, row: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    job = await painted(interaction, job_id)
    members, member_id = Members(interaction.client.store), interaction.user.id
    kept = not await members.is_favourite(member_id, job.id)
    await members.set_favourite(member_id, job.id, kept)
    if kept:
        told = say("#{job} is among your favourites now. See `/history`.", job=job.id)
    else:
        told = say("#{job} is no longer among your favourites. See `/history`.", job=job.id)
    await interaction.edit_original_response(content=told)


async def _timelapse(interaction: Interaction, job_id: int, row: int) -> None:
    await interaction.response.defer(thinking=True)
    job = await painted(interaction, job_id)
    message = await interaction.original_response()
    if not await interaction.client.messages.sent(
        job.id, Kind.TIMELAPSE, message.channel.id, message.id
    ):
        return  # deleted at this moment, and its message with it
    await job_views.show_timelapse(interaction, job)


async def _details(interaction: Interaction, job_id: int, row: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    await job_views.show_details(interaction, await seen(interaction, job_id))


async def _delete(interaction: Interaction, job_id: int, row: int) -> None:
    """Asks once more."""
    job = await interaction.client.store.job(job_id)
    check(policy.may_delete(job, asker_of(interaction)))
    await interaction.response.send_message(
        say("Delete the pictures of #{job} for good, here and on the disk?", job=job_id),
        view=sure_button(job_id),
        ephemeral=True,
    )


async def _delete_surely(interaction: Interaction, job_id: int, row: int) -> None:
    await interaction.response.defer()
    job = await interaction.client.store.job(job_id)
    check(policy.may_delete(job, asker_of(interaction)))
    await interaction.client.moderation.delete(job_id, interaction.user.id)
    told = say("#{job} is deleted.", job=job_id)
    await interaction.edit_original_response(content=told, view=None)


def _steps(recipe: Recipe) -> int:
    return min(recipe.steps, MAX_STEPS)


HANDLERS: dict[Action, Handler] = {
    Action.STOP: _stop,
    Action.CANCEL: _cancel,
    Action.AGAIN: _again,
    Action.VARY: _vary,
    Action.EDIT: _edit,
    Action.LARGER: _larger,
    Action.MORE: _more,
    Action.PICK: _pick,
    Action.FAVOURITE: _favourite,
    Action.TIMELAPSE: _timelapse,
    Action.DETAILS: _details,
    Action.DELETE: _delete,
    Action.SURE: _delete_surely,
}


async def _answer(handler: Handler, interaction: Interaction, aside: str) -> None:
    """`aside` names a job, and one of its pictures where there are several."""
    job_id, _, row = aside.partition(":")
    await handler(interaction, int(job_id), int(row or 0))


for _action, _handler in HANDLERS.items():
    answers(_action.value, r"[0-9]{1,18}(:[0-3])?")(partial(_answer, _handler))
