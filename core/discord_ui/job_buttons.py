"""The buttons of a job: which buttons it has in which state, and their custom ids.

`bot.components.job_buttons` answers them.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Any

import discord

from core.discord_ui.custom_ids import ID, encode, template
from core.discord_ui.message_images import walk
from core.discord_ui.views import static_view
from core.i18n import gettext, gettext_noop
from core.job import Job, JobKind, State

Button = discord.ui.Button[Any]


class Action(StrEnum):
    """What a button does."""

    STOP = "stop"
    CANCEL = "cancel"
    AGAIN = "again"
    SUBTLE = "subtle"
    VARY = "vary"
    STRONG = "strong"
    REMIX = "remix"
    REPAINT = "repaint"
    ZOOM_OUT = "zoomout"
    PAN = "pan"
    FILM = "film"
    EDIT = "edit"
    LARGER = "larger"
    MORE = "more"
    PICK = "pick"
    ACTIONS = "actions"
    FAVOURITE = "favourite"
    TIMELAPSE = "timelapse"
    DETAILS = "details"
    PAINT = "paint"
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
    Action.REPAINT: gettext_noop("Repaint a part"),
    Action.ZOOM_OUT: gettext_noop("Zoom out"),
    Action.PAN: gettext_noop("Pan"),
    Action.FILM: gettext_noop("Film"),
    Action.EDIT: gettext_noop("Edit"),
    Action.LARGER: gettext_noop("Upscale"),
    Action.MORE: gettext_noop("More steps"),
    Action.PICK: gettext_noop("More"),
    Action.ACTIONS: gettext_noop("More"),
    Action.FAVOURITE: gettext_noop("Favourite"),
    Action.TIMELAPSE: gettext_noop("Timelapse"),
    Action.DETAILS: gettext_noop("Details"),
    Action.PAINT: gettext_noop("Paint this"),
    Action.DELETE: gettext_noop("Delete"),
    Action.SURE: gettext_noop("Delete it"),
}
ICONS = {
    Action.STOP: "⏹️",
    Action.CANCEL: "✖️",
    Action.AGAIN: "🔁",
    Action.SUBTLE: "🪶",
    Action.VARY: "🎨",
    Action.STRONG: "🌪️",
    Action.REMIX: "🔀",
    Action.REPAINT: "🖌️",
    Action.ZOOM_OUT: "🔭",
    Action.PAN: "↔️",
    Action.FILM: "🎬",
    Action.EDIT: "✏️",
    Action.LARGER: "🔍",
    Action.MORE: "⏩",
    Action.PICK: "🖼️",
    Action.ACTIONS: "🖼️",
    Action.FAVOURITE: "⭐",
    Action.TIMELAPSE: "🎞️",
    Action.DETAILS: "🧾",
    Action.PAINT: "🎨",
    Action.DELETE: "🗑️",
    Action.SURE: "🗑️",
}
KEPT = (Action.FAVOURITE, Action.TIMELAPSE, Action.DETAILS, Action.DELETE)
ONE = ((Action.AGAIN, Action.VARY, Action.LARGER, Action.EDIT, Action.PICK), KEPT)
"""The rows of a finished job with one image."""
ACTIONS = ((Action.EDIT, *KEPT),)
"""What is offered for several images together, besides those on the job message."""
PICKED = (
    (Action.SUBTLE, Action.VARY, Action.STRONG, Action.REMIX),
    (Action.REPAINT, Action.ZOOM_OUT, Action.PAN, Action.FILM),
    (Action.LARGER, Action.MORE),
)
"""What is offered for one image, once it is picked."""
Rows = list[list[Button]]


def custom_id(action: Action, job_id: int, row: int | None = None) -> str:
    """Names the action, the job, and the image where there are several (0, 1, …)."""
    return encode(action, job_id) if row is None else encode(action, job_id, row)


def custom_id_template(action: Action) -> re.Pattern[str]:
    """Matches what `custom_id` makes: the groups `job_id` and, None for the only image, `row`."""
    return template(action, job_id=ID, row="[0-3]", optional={"row"})


def shows_job(message: discord.Message, job_id: int) -> bool:
    """Whether a message has buttons of this job."""
    ids = (getattr(part, "custom_id", None) for part in walk(message.components))
    found = (known.fullmatch(each) for each in ids if each for known in _templates())
    return any(match and int(match["job_id"]) == job_id for match in found)


@cache
def _templates() -> tuple[re.Pattern[str], ...]:
    return tuple(map(custom_id_template, Action))


def button_rows(job: Job) -> Rows:
    """The buttons of a job in its present state, at most two rows of them."""
    if job.kind is JobKind.DESCRIPTION:
        return _description_rows(job)
    match job.state:
        case State.QUEUED:
            return _rows(job.id, [(Action.CANCEL,)])
        case State.RUNNING:
            return _rows(job.id, [(Action.STOP, Action.CANCEL)])
        case State.DONE if job.deleted_at is not None:
            return []
        case State.DONE if job.held:
            return _rows(job.id, [(Action.DELETE,)])
        case State.DONE if job.recipe.count > 1:
            return [
                [*_numbered(job, Action.LARGER, "U{n}"), _button(Action.AGAIN, job.id)],
                [*_numbered(job, Action.VARY, "V{n}"), _button(Action.ACTIONS, job.id)],
            ]
        case State.DONE:
            return _rows(job.id, ONE)
    return _rows(job.id, [(Action.AGAIN, Action.EDIT)])


def _description_rows(job: Job) -> Rows:
    """What is below a description; each of its prompts has a button beside it."""
    if not job.state.ended:
        return _rows(job.id, [(Action.CANCEL,)])
    shown = job.state is State.DONE and job.deleted_at is None
    return _rows(job.id, [(Action.DELETE,)]) if shown else []


def paint_button(job_id: int, row: int) -> Button:
    """Paints one of the prompts that describe an image."""
    return _button(Action.PAINT, job_id, row)


def picked_rows(job: Job, row: int) -> Rows:
    """The buttons of one image of a job."""
    return _rows(job.id, PICKED, row)


def action_rows(job: Job) -> Rows:
    """What can be done with a job of several images, and a button to pick each."""
    return [_numbered(job, Action.PICK, "{n}"), *_rows(job.id, ACTIONS)]


def confirm_delete_button(job_id: int) -> discord.ui.View:
    """Deletes a job's images, once its member has confirmed."""
    return static_view([_button(Action.SURE, job_id)])


def _rows(job_id: int, rows: Iterable[Iterable[Action]], row: int | None = None) -> Rows:
    return [[_button(action, job_id, row) for action in actions] for actions in rows]


def _numbered(job: Job, action: Action, label: str) -> list[Button]:
    """A button for each image of a job."""
    return [
        _button(action, job.id, row, label.format(n=row + 1)) for row in range(job.recipe.count)
    ]


def _button(
    action: Action, job_id: int, row: int | None = None, label: str | None = None
) -> Button:
    dangerous = action in (Action.DELETE, Action.SURE)
    return discord.ui.Button(
        label=label or gettext(LABELS[action]),
        emoji=ICONS[action],
        style=discord.ButtonStyle.danger if dangerous else discord.ButtonStyle.secondary,
        custom_id=custom_id(action, job_id, row),
    )
