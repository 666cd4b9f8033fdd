"""Which buttons a job has, and what their custom ids say."""

from dataclasses import replace

import discord
import pytest

from core.discord_ui.job_buttons import buttons, picked_buttons
from core.job import State
from tests.queued_job import queued_job

JOB = queued_job()
FOUR = replace(JOB, state=State.DONE, recipe=JOB.recipe.model_copy(update={"count": 4}))


def drawn(view: discord.ui.View | None) -> list[tuple[str, str]]:
    """Labels and what the custom ids say behind `imagine:`."""
    children = view.children if view else []
    found = [child for child in children if isinstance(child, discord.ui.Button)]
    assert len(found) == len(children)
    return [(b.label or "", (b.custom_id or "").removeprefix("imagine:")) for b in found]


async def test_what_can_be_done_depends_on_the_state() -> None:
    labels = {
        state: [label for label, _ in drawn(buttons(replace(JOB, state=state)))] for state in State
    }
    assert labels == {
        State.QUEUED: ["Cancel"],
        State.RUNNING: ["Stop and keep", "Cancel"],
        State.DONE: [
            *("Again", "Edit", "Larger", "More steps"),
            *("Vary subtly", "Vary", "Vary strongly", "Remix"),
            *("Favourite", "Timelapse", "Details", "Delete"),
        ],
        State.FAILED: ["Again", "Edit"],
        State.CANCELLED: ["Again", "Edit"],
    }


async def test_one_of_several_pictures_is_picked_first() -> None:
    assert drawn(buttons(FOUR))[:4] == [(str(row + 1), f"pick:12:{row}") for row in range(4)]
    assert drawn(picked_buttons(FOUR, 2)) == [
        ("Vary subtly", "subtle:12:2"),
        ("Vary", "vary:12:2"),
        ("Vary strongly", "strong:12:2"),
        ("Remix", "remix:12:2"),
        ("Larger", "larger:12:2"),
        ("More steps", "more:12:2"),
    ]


async def test_nothing_can_be_done_with_deleted_pictures() -> None:
    assert buttons(replace(FOUR, deleted_at=1.0)) is None


@pytest.mark.parametrize("job", [JOB, FOUR], ids=["queued", "painted"])
async def test_discord_takes_them_and_nobody_listens_for_them_here(job: object) -> None:
    view = buttons(job)  # type: ignore[arg-type]
    assert view
    assert all(len(row["components"]) <= 5 for row in view.to_components())
    assert view.timeout is None
    assert view.is_finished()  # discord.py keeps no copy of it
