"""The buttons of a job: which buttons it has in which state, and their custom ids.

`bot.components.job_buttons` handles them.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Any

import discord

from core.discord_ui.custom_ids import ID, encode, template
from core.discord_ui.message_components import walk
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
    CONFIRM_DELETE = "sure"


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
    Action.CONFIRM_DELETE: gettext_noop("Delete it"),
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
    Action.CONFIRM_DELETE: "🗑️",
}
COMMON_ACTIONS = (Action.FAVOURITE, Action.TIMELAPSE, Action.DETAILS, Action.DELETE)
SINGLE_IMAGE_ROWS = (
    (Action.AGAIN, Action.VARY, Action.LARGER, Action.EDIT, Action.PICK),
    COMMON_ACTIONS,
)
"""The buttons of a finished job with one image."""
SEVERAL_IMAGES_ROWS = ((Action.EDIT, *COMMON_ACTIONS),)
"""The buttons for several images together, in addition to those of the job message."""
PICKED_IMAGE_ROWS = (
    (Action.SUBTLE, Action.VARY, Action.STRONG, Action.REMIX),
    (Action.REPAINT, Action.ZOOM_OUT, Action.PAN, Action.FILM),
    (Action.LARGER, Action.MORE),
)
"""The buttons for one image, once it is picked."""
Rows = list[list[Button]]


def custom_id(action: Action, job_id: int, row: int | None = None) -> str:
    """The custom id of an action on a job, or on one of its images (0, 1, …) if it has several."""
    return encode(action, job_id) if row is None else encode(action, job_id, row)


def custom_id_template(action: Action) -> re.Pattern[str]:
    """Matches custom ids; its groups are `job_id` and `row`, which is None for the only image."""
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
    """The buttons of a job in its current state, at most two rows."""
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
            return _rows(job.id, SINGLE_IMAGE_ROWS)
    return _rows(job.id, [(Action.AGAIN, Action.EDIT)])


def _description_rows(job: Job) -> Rows:
    """The buttons below a description, whose prompts each have a button of their own."""
    if not job.state.ended:
        return _rows(job.id, [(Action.CANCEL,)])
    shown = job.state is State.DONE and job.deleted_at is None
    return _rows(job.id, [(Action.DELETE,)]) if shown else []


def paint_button(job_id: int, row: int) -> Button:
    """The button that paints one of the prompts that describe an image."""
    return _button(Action.PAINT, job_id, row)


def picked_rows(job: Job, row: int) -> Rows:
    """The buttons of one image of a job."""
    return _rows(job.id, PICKED_IMAGE_ROWS, row)


def action_rows(job: Job) -> Rows:
    """The buttons for a job with several images, and a button to pick each of them."""
    return [_numbered(job, Action.PICK, "{n}"), *_rows(job.id, SEVERAL_IMAGES_ROWS)]


def confirm_delete_button(job_id: int) -> discord.ui.View:
    """The button with which a member confirms that a job's images will be deleted."""
    return static_view([_button(Action.CONFIRM_DELETE, job_id)])


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
    destructive = action in (Action.DELETE, Action.CONFIRM_DELETE)
    return discord.ui.Button(
        label=label or gettext(LABELS[action]),
        emoji=ICONS[action],
        style=discord.ButtonStyle.danger if destructive else discord.ButtonStyle.secondary,
        custom_id=custom_id(action, job_id, row),
    )
