"""The judge finds duplicated, stuck and lost requests in made-up records, and none in good ones."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.chaos.benchmark import Count, report
from bench.chaos.judge import Channels, Fate, Request, Row, Verdict, judge

CHANNEL, INTERACTION, SEED = 5, 70, 7
ROOT = Path(__file__).parents[3]


def message(
    number: int,
    title: str | None = None,
    *,
    seed: int = SEED,
    files: tuple[str, ...] = (),
    content: str = "",
    flags: int = 0,
) -> dict[str, Any]:
    """A message as in Discord's events; a job message if it has a title."""
    footer = f"-# #{seed} · 64×64 · 10 steps · seed {seed} · requested by Ada"
    texts = [] if title is None else [f"### {title}", footer]
    return {
        "id": str(number),
        "content": content,
        "flags": flags,
        "embeds": [],
        "components": [
            {"type": 17, "components": [{"type": 10, "content": text} for text in texts]}
        ],
        "attachments": [{"filename": name} for name in files],
        "interaction_metadata": {"id": str(INTERACTION)},
    }


def channels_with(*messages: dict[str, Any]) -> Channels:
    channels = Channels()
    for each in messages:
        channels.record_event("MESSAGE_UPDATE", each)
    return channels


def verdict(
    channels: Channels, *rows: Row, answered: bool = True, reachable: bool = True
) -> tuple[Fate, bool]:
    request = Request(SEED, CHANNEL, INTERACTION if answered else None)
    (found,) = judge([request], rows, channels, [CHANNEL] if reachable else [])
    return found.fate, found.duplicated


DONE = Row(SEED, "done", posted=True)
PAINTED = message(1, "Painted", files=("imagine-7-1.png",))
THINKING = message(1, flags=1 << 7)


@pytest.mark.parametrize(
    ("shown", "row", "fate"),
    [
        (PAINTED, DONE, Fate.IMAGE),
        (message(1, "Failed"), Row(SEED, "failed", posted=True), Fate.REASON),
        (message(1, "Cancelled"), Row(SEED, "cancelled", posted=True), Fate.CANCELLED),
        (message(1, "Painting", files=("step-9.webp",)), DONE, Fate.STUCK),
        (message(1, "In the queue"), Row(SEED, "queued", posted=False), Fate.STUCK),
        (THINKING, DONE, Fate.STUCK),
        (message(1, "Cancelled"), DONE, Fate.LOST),
        (message(1, "Painted"), DONE, Fate.LOST),  # without its image
        (PAINTED, Row(SEED, "done", posted=False), Fate.LOST),
        (PAINTED, Row(SEED + 1, "done", posted=True), Fate.LOST),
    ],
)
def test_a_job_is_judged_by_its_job_message_and_its_row(
    shown: dict[str, Any], row: Row, fate: Fate
) -> None:
    assert verdict(channels_with(shown), row) == (fate, False)


def test_a_request_without_a_job_needs_a_reason() -> None:
    assert verdict(channels_with(THINKING)) == (Fate.STUCK, False)
    assert verdict(channels_with()) == (Fate.LOST, False)
    assert verdict(channels_with(message(1, content="The queue cannot be reached."))) == (
        Fate.REASON,
        False,
    )
    assert verdict(channels_with(), answered=False) == (Fate.UNACKNOWLEDGED, False)


def test_a_job_whose_request_was_not_acknowledged_must_end_too() -> None:
    assert verdict(channels_with(PAINTED), DONE, answered=False) == (Fate.IMAGE, False)
    assert verdict(channels_with(), DONE, answered=False) == (Fate.LOST, False)


def test_a_second_job_message_a_second_post_and_a_second_job_count_as_duplicated() -> None:
    second = message(2, "Painted", files=("imagine-7-1.png",))
    assert verdict(channels_with(PAINTED, second), DONE) == (Fate.IMAGE, True)
    continued = message(1, content="Continued here: …")
    assert verdict(channels_with(PAINTED, second, continued), DONE) == (Fate.IMAGE, True)
    assert verdict(channels_with(PAINTED), DONE, DONE) == (Fate.IMAGE, True)
    edited_again = channels_with(PAINTED, PAINTED)
    assert verdict(edited_again, DONE) == (Fate.IMAGE, False)


def test_a_new_message_in_place_of_a_deleted_one_does_not_count_as_duplicated() -> None:
    channels = channels_with(message(1, "Painting"))
    channels.record_event("MESSAGE_DELETE", {"id": "1"})
    assert verdict(channels, DONE) == (Fate.LOST, False)
    channels.record_event("MESSAGE_CREATE", message(2, "Painted", files=("imagine-7-1.png",)))
    assert verdict(channels, DONE) == (Fate.IMAGE, False)
    channels.record_event("MESSAGE_DELETE", {"id": "2"})
    assert verdict(channels, DONE) == (Fate.IMAGE, False)  # its outcome had been shown


def test_the_database_decides_where_the_bot_cannot_post() -> None:
    stuck = channels_with(message(1, "Painting"))
    assert verdict(stuck, DONE, reachable=False) == (Fate.UNREACHABLE, False)
    running = Row(SEED, "running", posted=False)
    assert verdict(stuck, running, reachable=False) == (Fate.LOST, False)


def test_the_table_counts_a_duplicated_job_as_not_ended_exactly_once() -> None:
    requests = [Request(seed, CHANNEL, INTERACTION) for seed in range(5)]
    fates = (Fate.IMAGE, Fate.IMAGE, Fate.STUCK, Fate.LOST, Fate.UNACKNOWLEDGED)
    verdicts = [
        Verdict(request, fate, request.seed == 0)
        for request, fate in zip(requests, fates, strict=True)
    ]
    lines = report([Count.of_verdicts("a trouble", 2, verdicts)]).splitlines()
    assert lines[2] == "| a trouble | 2 | 4 | 1 | 2 | 0 | 0 | 0 | 1 | 1 | 1 |"
    assert lines[3] == "| **all** | 2 | 4 | 1 | 2 | 0 | 0 | 0 | 1 | 1 | 1 |"


PROGRAM = """
import asyncio, sys, time
from pathlib import Path
from bench.chaos.fault_injection import inject_faults

folder = Path(sys.argv[1])
before = time.time()
inject_faults("bot", folder / "faults")
from core.database.connection import Database
from core.database.jobs import Jobs
from core.job import NewJob
from core.recipe import Recipe

async def main():
    async with Database.open(folder / "imagine.db") as database:
        place = dict(guild_id=1, channel_id=2, message_id=3, member_id=4, member_name="Ada")
        recipe = Recipe.make("a circle", width=64, height=64, steps=9)
        job = await Jobs(database).insert(NewJob(recipe=recipe, **place))
        print(job.id, round(job.created_at - before, -3))

asyncio.run(main())
"""


@pytest.mark.slow
def test_an_injected_fault_kills_a_process_once_at_its_point(tmp_path: Path) -> None:
    faults = tmp_path / "faults"
    faults.mkdir()
    (faults / "clock").write_text("3700")
    command = (sys.executable, "-c", PROGRAM, str(tmp_path))
    for fault, status, output in (
        ("before the insert", -signal.SIGKILL, ""),
        ("after the insert", -signal.SIGKILL, ""),
        ("", 0, "2 4000.0"),
    ):
        if fault:
            (faults / fault).touch()
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout.strip()) == (status, output), result.stderr
        assert [file.name for file in faults.iterdir()] == ["clock"]
