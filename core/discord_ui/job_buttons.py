"""The buttons of a job: which there are in which state, and what their custom ids say.

All that a press needs to know stands in the custom id, so that buttons outlive every restart.
`bot.components.buttons` answers them.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import discord

from core.i18n import mark, say
from core.job import Job, State

Button = discord.ui.Button[discord.ui.View]


class Action(StrEnum):
    """What a button does."""

    STOP = "stop"
    CANCEL = "cancel"
    AGAIN = "again"
    VARY = "vary"
    EDIT = "edit"
    LARGER = "larger"
    MORE = "more"
    PICK = "pick"
    FAVOURITE = "favourite"
    TIMELAPSE = "timelapse"
    DETAILS = "details"
    DELETE = "delete"
    SURE = "sure"


LABELS = {
    Action.STOP: mark("Stop and keep"),
    Action.CANCEL: mark("Cancel"),
    Action.AGAIN: mark("Again"),
    Action.VARY: mark("Vary"),
    Action.EDIT: mark("Edit"),
    Action.LARGER: mark("Larger"),
    Action.MORE: mark("More steps"),
    Action.FAVOURITE: mark("Favourite"),
    Action.TIMELAPSE: mark("Timelapse"),
    Action.DETAILS: mark("Details"),
    Action.DELETE: mark("Delete"),
    Action.SURE: mark("Delete it"),
}
ONE = (Action.AGAIN, Action.VARY, Action.EDIT, Action.LARGER, Action.MORE)
SEVERAL = (Action.AGAIN, Action.EDIT)
KEPT = (Action.FAVOURITE, Action.TIMELAPSE, Action.DETAILS, Action.DELETE)
PICKED = (Action.VARY, Action.LARGER, Action.MORE)
"""What is offered for one picture of several, once it is picked."""


def custom_id(action: Action, job_id: int, row: int | None = None) -> str:
    """Names what is to be done, the job, and the picture where there are several (0, 1, …)."""
    return f"imagine:{action}:{job_id}" + ("" if row is None else f":{row}")


def buttons(job: Job) -> discord.ui.View | None:
    """All buttons of a job in its present state; None if there is nothing left to press."""
    match job.state:
        case State.QUEUED:
            return _view(_drawn(job, 0, Action.CANCEL))
        case State.RUNNING:
            return _view(_drawn(job, 0, Action.STOP, Action.CANCEL))
        case State.DONE if job.deleted_at is not None:
            return None
        case State.DONE if job.recipe.count > 1:
            return _view([*_picks(job), *_drawn(job, 1, *SEVERAL), *_drawn(job, 2, *KEPT)])
        case State.DONE:
            return _view([*_drawn(job, 0, *ONE), *_drawn(job, 1, *KEPT)])
    return _view(_drawn(job, 0, *SEVERAL))


def picked_buttons(job: Job, row: int) -> discord.ui.View:
    """The buttons of one picture of several."""
    return _view(_button(action, job.id, 0, row) for action in PICKED)


def sure_button(job_id: int) -> discord.ui.View:
    """What deletes a job's pictures, once its asker has been asked."""
    return _view([_button(Action.SURE, job_id, 0)])


def _drawn(job: Job, line: int, *actions: Action) -> Iterator[Button]:
    for action in actions:
        yield _button(action, job.id, line)


def _picks(job: Job) -> Iterator[Button]:
    for row in range(job.recipe.count):
        yield _button(Action.PICK, job.id, 0, row)


def _button(action: Action, job_id: int, line: int, row: int | None = None) -> Button:
    dangerous = action in (Action.DELETE, Action.SURE)
    return discord.ui.Button(
        label=str(row + 1) if action is Action.PICK and row is not None else say(LABELS[action]),
        style=discord.ButtonStyle.danger if dangerous else discord.ButtonStyle.secondary,
        custom_id=custom_id(action, job_id, row),
        row=line,
    )


def _view(drawn: Iterable[Button]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for button in drawn:
        view.add_item(button)
    view.stop()  # it is only drawn here: discord.py need not listen for it
    return view
