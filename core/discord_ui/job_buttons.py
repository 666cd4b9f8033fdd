"""The buttons of a job: which buttons it has in which state, and their custom ids.

`bot.components.job_buttons` answers them.
"""

import re
from collections.abc import Iterator
from enum import StrEnum

import discord

from core.discord_ui.custom_ids import ID, encode, template
from core.discord_ui.views import static_view
from core.i18n import gettext, gettext_noop
from core.job import Job, State

Button = discord.ui.Button[discord.ui.View]


class Action(StrEnum):
    """What a button does."""

    STOP = "stop"
    CANCEL = "cancel"
    AGAIN = "again"
    SUBTLE = "subtle"
    VARY = "vary"
    STRONG = "strong"
    REMIX = "remix"
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
    Action.STOP: gettext_noop("Stop and keep"),
    Action.CANCEL: gettext_noop("Cancel"),
    Action.AGAIN: gettext_noop("Again"),
    Action.SUBTLE: gettext_noop("Vary subtly"),
    Action.VARY: gettext_noop("Vary"),
    Action.STRONG: gettext_noop("Vary strongly"),
    Action.REMIX: gettext_noop("Remix"),
    Action.EDIT: gettext_noop("Edit"),
    Action.LARGER: gettext_noop("Larger"),
    Action.MORE: gettext_noop("More steps"),
    Action.FAVOURITE: gettext_noop("Favourite"),
    Action.TIMELAPSE: gettext_noop("Timelapse"),
    Action.DETAILS: gettext_noop("Details"),
    Action.DELETE: gettext_noop("Delete"),
    Action.SURE: gettext_noop("Delete it"),
}
ONE = (Action.AGAIN, Action.EDIT, Action.LARGER, Action.MORE)
VARIATIONS = (Action.SUBTLE, Action.VARY, Action.STRONG, Action.REMIX)
SEVERAL = (Action.AGAIN, Action.EDIT)
KEPT = (Action.FAVOURITE, Action.TIMELAPSE, Action.DETAILS, Action.DELETE)
PICKED = (Action.LARGER, Action.MORE)
"""What is offered for one image of several beside its variations, once it is picked."""


def custom_id(action: Action, job_id: int, row: int | None = None) -> str:
    """Names the action, the job, and the image where there are several (0, 1, …)."""
    return encode(action, job_id) if row is None else encode(action, job_id, row)


def custom_id_template(action: Action) -> re.Pattern[str]:
    """Matches what `custom_id` makes: the groups `job_id` and, None for the only image, `row`."""
    return template(action, job_id=ID, row="[0-3]", optional={"row"})


def buttons(job: Job) -> discord.ui.View | None:
    """All buttons of a job in its present state; None if there is nothing left to press."""
    match job.state:
        case State.QUEUED:
            return static_view(_line(job, 0, Action.CANCEL))
        case State.RUNNING:
            return static_view(_line(job, 0, Action.STOP, Action.CANCEL))
        case State.DONE if job.deleted_at is not None:
            return None
        case State.DONE if job.recipe.count > 1:
            return static_view([*_picks(job), *_line(job, 1, *SEVERAL), *_line(job, 2, *KEPT)])
        case State.DONE:
            return static_view(
                [*_line(job, 0, *ONE), *_line(job, 1, *VARIATIONS), *_line(job, 2, *KEPT)]
            )
    return static_view(_line(job, 0, *SEVERAL))


def picked_buttons(job: Job, row: int) -> discord.ui.View:
    """The buttons of one image of several."""
    lines = enumerate((VARIATIONS, PICKED))
    return static_view(
        _button(action, job.id, line, row) for line, actions in lines for action in actions
    )


def confirm_delete_button(job_id: int) -> discord.ui.View:
    """Deletes a job's images, once its member has confirmed."""
    return static_view([_button(Action.SURE, job_id, 0)])


def _line(job: Job, line: int, *actions: Action) -> Iterator[Button]:
    for action in actions:
        yield _button(action, job.id, line)


def _picks(job: Job) -> Iterator[Button]:
    for row in range(job.recipe.count):
        yield _button(Action.PICK, job.id, 0, row)


def _button(action: Action, job_id: int, line: int, row: int | None = None) -> Button:
    dangerous = action in (Action.DELETE, Action.SURE)
    return discord.ui.Button(
        label=str(row + 1)
        if action is Action.PICK and row is not None
        else gettext(LABELS[action]),
        style=discord.ButtonStyle.danger if dangerous else discord.ButtonStyle.secondary,
        custom_id=custom_id(action, job_id, row),
        row=line,
    )
