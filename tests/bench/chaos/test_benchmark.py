"""The judge finds what is doubled, stuck and lost in made-up records, and nothing in good ones."""

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
    """A message as Discord tells of it; a card if it has a title."""
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


def seen(*messages: dict[str, Any]) -> Channels:
    channels = Channels()
    for each in messages:
        channels.hear("MESSAGE_UPDATE", each)
    return channels


def verdict(
    channels: Channels, *rows: Row, answered: bool = True, reachable: bool = True
) -> tuple[Fate, bool]:
    request = Request(SEED, CHANNEL, INTERACTION if answered else None)
    (found,) = judge([request], rows, channels, [CHANNEL] if reachable else [])
    return found.fate, found.doubled


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
        (message(1, "Painted"), DONE, Fate.LOST),  # without its picture
        (PAINTED, Row(SEED, "done", posted=False), Fate.LOST),
        (PAINTED, Row(SEED + 1, "done", posted=True), Fate.LOST),
    ],
)
def test_a_job_is_judged_by_its_job_message_and_its_row(
    shown: dict[str, Any], row: Row, fate: Fate
) -> None:
    assert verdict(seen(shown), row) == (fate, False)


def test_a_request_without_a_job_needs_a_reason() -> None:
    assert verdict(seen(THINKING)) == (Fate.STUCK, False)
    assert verdict(seen()) == (Fate.LOST, False)
    assert verdict(seen(message(1, content="The queue cannot be reached."))) == (
        Fate.REASON,
        False,
    )
    assert verdict(seen(), answered=False) == (Fate.UNHEARD, False)


def test_what_nobody_acknowledged_but_is_in_the_database_must_end_too() -> None:
    assert verdict(seen(PAINTED), DONE, answered=False) == (Fate.IMAGE, False)
    assert verdict(seen(), DONE, answered=False) == (Fate.LOST, False)


def test_a_second_job_message_a_second_post_and_a_second_job_are_doubles() -> None:
    second = message(2, "Painted", files=("imagine-7-1.png",))
    assert verdict(seen(PAINTED, second), DONE) == (Fate.IMAGE, True)
    continued = message(1, content="Continued here: …")
    assert verdict(seen(PAINTED, second, continued), DONE) == (Fate.IMAGE, True)
    assert verdict(seen(PAINTED), DONE, DONE) == (Fate.IMAGE, True)
    assert verdict(seen(PAINTED, PAINTED), DONE) == (Fate.IMAGE, False)  # one, edited again


def test_a_new_message_in_place_of_a_deleted_one_is_no_double() -> None:
    channels = seen(message(1, "Painting"))
    channels.hear("MESSAGE_DELETE", {"id": "1"})
    assert verdict(channels, DONE) == (Fate.LOST, False)
    channels.hear("MESSAGE_CREATE", message(2, "Painted", files=("imagine-7-1.png",)))
    assert verdict(channels, DONE) == (Fate.IMAGE, False)
    channels.hear("MESSAGE_DELETE", {"id": "2"})
    assert verdict(channels, DONE) == (Fate.IMAGE, False)  # it had been told


def test_where_the_bot_may_not_write_the_database_decides() -> None:
    stuck = seen(message(1, "Painting"))
    assert verdict(stuck, DONE, reachable=False) == (Fate.UNREACHABLE, False)
    running = Row(SEED, "running", posted=False)
    assert verdict(stuck, running, reachable=False) == (Fate.LOST, False)


def test_the_table_counts_a_double_as_not_ended_once() -> None:
    requests = [Request(seed, CHANNEL, INTERACTION) for seed in range(5)]
    fates = (Fate.IMAGE, Fate.IMAGE, Fate.STUCK, Fate.LOST, Fate.UNHEARD)
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
def test_an_injected_fault_kills_a_process_once_at_its_place(tmp_path: Path) -> None:
    faults = tmp_path / "faults"
    faults.mkdir()
    (faults / "clock").write_text("3700")
    command = (sys.executable, "-c", PROGRAM, str(tmp_path))
    for fault, status, said in (
        ("before the insert", -signal.SIGKILL, ""),
        ("after the insert", -signal.SIGKILL, ""),
        ("", 0, "2 4000.0"),
    ):
        if fault:
            (faults / fault).touch()
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stdout.strip()) == (status, said), ended.stderr
        assert [each.name for each in faults.iterdir()] == ["clock"]
