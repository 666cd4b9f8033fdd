"""Which buttons a job has, and their custom ids."""

from dataclasses import replace

import discord
import pytest

from core.discord_ui.job_buttons import Rows, action_rows, button_rows, picked_rows
from core.discord_ui.job_message import job_message
from core.job import Job, State
from tests.queued_job import queued_job

JOB = queued_job()
FOUR_IMAGES = replace(JOB, state=State.DONE, recipe=JOB.recipe.model_copy(update={"count": 4}))


def labels_and_ids(rows: Rows) -> list[list[tuple[str, str]]]:
    """The label and the custom id, without `imagine:`, of each button, row by row."""
    return [
        [(b.label or "", (b.custom_id or "").removeprefix("imagine:")) for b in r] for r in rows
    ]


def labels(rows: Rows) -> list[list[str]]:
    return [[label for label, _ in row] for row in labels_and_ids(rows)]


def test_the_buttons_depend_on_the_state() -> None:
    shown = {state: labels(button_rows(replace(JOB, state=state))) for state in State}
    assert shown == {
        State.QUEUED: [["Cancel"]],
        State.RUNNING: [["Stop and keep", "Cancel"]],
        State.DONE: [
            ["Again", "Vary", "Upscale", "Edit", "More"],
            ["Favourite", "Timelapse", "Details", "Delete"],
        ],
        State.FAILED: [["Again", "Edit"]],
        State.CANCELLED: [["Again", "Edit"]],
    }


def test_each_of_several_images_has_its_own_buttons_for_vary_and_upscale() -> None:
    upscale = [(f"U{row + 1}", f"larger:12:{row}") for row in range(4)]
    vary = [(f"V{row + 1}", f"vary:12:{row}") for row in range(4)]
    assert labels_and_ids(button_rows(FOUR_IMAGES)) == [
        [*upscale, ("Again", "again:12")],
        [*vary, ("More", "actions:12")],
    ]


def test_more_offers_what_the_message_has_no_room_for() -> None:
    assert labels_and_ids(picked_rows(FOUR_IMAGES, 2)) == [
        [
            ("Vary subtly", "subtle:12:2"),
            ("Vary", "vary:12:2"),
            ("Vary strongly", "strong:12:2"),
            ("Remix", "remix:12:2"),
        ],
        [
            ("Repaint a part", "repaint:12:2"),
            ("Zoom out", "zoomout:12:2"),
            ("Pan", "pan:12:2"),
            ("Film", "film:12:2"),
        ],
        [("Upscale", "larger:12:2"), ("More steps", "more:12:2")],
    ]
    assert labels(action_rows(FOUR_IMAGES)) == [
        ["1", "2", "3", "4"],
        ["Edit", "Favourite", "Timelapse", "Details", "Delete"],
    ]


def test_deleted_images_have_no_buttons() -> None:
    assert button_rows(replace(FOUR_IMAGES, deleted_at=1.0)) == []


@pytest.mark.parametrize("job", [JOB, FOUR_IMAGES], ids=["queued", "painted"])
async def test_buttons_are_within_discords_limits_and_no_view_listens(job: Job) -> None:
    message = job_message(job)
    rows = [item for item in message.walk_children() if isinstance(item, discord.ui.ActionRow)]
    assert 1 <= len(rows) <= 2
    assert all(len(row.children) <= 5 for row in rows)
    assert all(button.emoji for row in rows for button in row.children)  # type: ignore[attr-defined]
    assert message.timeout is None
    assert message.is_finished()  # discord.py keeps no copy of it
