"""The checker says which promise is broken in each of these hand-made histories."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.chaos.checker import check
from bench.chaos.history import (
    FinalState,
    History,
    LogEntry,
    Operation,
    Outcome,
    Row,
    Shown,
    Snapshot,
    read,
)

OK, FAIL, UNKNOWN = Outcome.OK, Outcome.FAIL, Outcome.UNKNOWN
GUILD, ADA, BEA, MO = 1, 10, 11, 12
SEED, JOB = 7, 3


def request(seed: int = SEED, at: float = 0.0, outcome: Outcome = OK, **known: Any) -> Operation:
    arguments = {"member": ADA, "guild": GUILD, "seed": seed, "marker": f"m{seed}", "image": None}
    result = {"acknowledged": True, "interaction": 100 + seed, "job": JOB} | known
    return Operation("Ada", "request", arguments, at, at + 1, outcome, result)


def operation(name: str, at: float, outcome: Outcome = OK, **arguments: Any) -> Operation:
    result = {"cancelled": arguments.pop("cancelled")} if "cancelled" in arguments else {}
    known = {"guild": GUILD} | arguments
    return Operation("somebody", name, known, at, at + 1, outcome, result)


def edited(title: str, at: float, message: int = 50, **changes: Any) -> Shown:
    event = Shown(at, "edited", message, 5, 100 + SEED, JOB, SEED, title, image=title == "Painted")
    return replace(event, **changes)


def removed(at: float, message: int = 50) -> Shown:
    return Shown(at, "deleted", message, 5)


def row(state: str = "done", **changes: Any) -> Row:
    return replace(Row(JOB, SEED, ADA, GUILD, state, True, False, "", []), **changes)


def entry(act: str, **changes: Any) -> LogEntry:
    return replace(LogEntry(GUILD, act, MO, ADA, JOB), **changes)


def snapshot(at: float, state: str) -> Snapshot:
    return Snapshot(at, {JOB: state}, {JOB: GUILD})


def history(
    *operations: Operation,
    shown: tuple[Shown, ...] = (),
    snapshots: tuple[Snapshot, ...] = (),
    **final: Any,
) -> History:
    return History(0, list(operations), list(shown), list(snapshots), [], FinalState(**final))


def painted(*operations: Operation, **changes: Any) -> History:
    """A history of a request that was rendered, and of further operations."""
    defaults: dict[str, Any] = {
        "shown": (edited("In the queue", 1), edited("Painted", 5)),
        "rows": [row()],
        "images": [JOB],
        "folders": [JOB],
    }
    return history(request(), *operations, **defaults | changes)


def cancelled(*operations: Operation, **changes: Any) -> History:
    """A history of a request that one of the operations cancelled."""
    defaults: dict[str, Any] = {
        "shown": (edited("In the queue", 1), edited("Cancelled", 5)),
        "rows": [row("cancelled")],
    }
    return history(request(), *operations, **defaults | changes)


def deleted(*operations: Operation, **changes: Any) -> History:
    """A history of a request that was deleted without a trace."""
    defaults: dict[str, Any] = {
        "shown": (edited("In the queue", 1), edited("Painted", 5), removed(9))
    }
    return history(request(), *operations, **defaults | changes)


DELETE_ALL = operation("delete all", 7, member=ADA)
DELETE = operation("delete", 7, job=JOB)
CANCEL = operation("cancel", 3, job=JOB)
MOD_CANCEL = operation("mod cancel", 3, job=JOB, by=MO)
PAUSE, RESUME = operation("mod pause", 3, by=MO), operation("mod resume", 9, by=MO)
PAUSED = [entry("pause", whom=None, job=None), entry("resume", whom=None, job=None)]
BLOCK = operation("mod block", 3, by=MO, member=BEA)
BLOCKED = entry("block", whom=BEA, job=None)
UNBLOCK = operation("mod unblock", 9, by=MO, member=BEA)
UNBLOCKED = entry("unblock", whom=BEA, job=None)

refused = Shown(2, "created", 51, 5, 100 + SEED, text="The queue is full.")
beas_request = request(8, 5.0, job=4)
beas_request.arguments["member"] = BEA
beas_message = edited("Painted", 7, 60, seed=8, job=4, interaction=108)
beas_row = row(seed=8, job=4, member=BEA)

GOOD = {
    "painted": painted(),
    "refused": history(request(outcome=FAIL, job=None), shown=(refused,)),
    "not acknowledged": history(request(outcome=UNKNOWN, acknowledged=False, job=None)),
    "not acknowledged, but queued": painted(),
    "cancelled": cancelled(CANCEL),
    "cancelled by a moderator": cancelled(MOD_CANCEL, log=[entry("cancel")]),
    "cancelled by a moderator, who knows?": cancelled(
        replace(MOD_CANCEL, outcome=UNKNOWN), log=[entry("cancel")]
    ),
    "perhaps cancelled": painted(replace(CANCEL, outcome=UNKNOWN)),
    "deleted": deleted(DELETE, rows=[row(deleted=True)]),
    "all deleted": deleted(DELETE_ALL),
    "perhaps all deleted": painted(replace(DELETE_ALL, outcome=UNKNOWN)),
    "perhaps all deleted, and gone": deleted(replace(DELETE_ALL, outcome=UNKNOWN)),
    "paused": painted(
        PAUSE,
        RESUME,
        log=PAUSED,
        snapshots=(snapshot(4, "queued"), snapshot(8, "queued")),
        shown=(edited("In the queue", 1), edited("Painted", 11)),
    ),
    "blocked in between": painted(
        BLOCK,
        UNBLOCK,
        replace(beas_request, invoked=10.0, completed=11.0),
        log=[BLOCKED, UNBLOCKED],
        shown=(edited("Painted", 5), replace(beas_message, at=12)),
        rows=[row(), beas_row],
        images=[JOB, 4],
        folders=[JOB, 4],
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_history_that_keeps_the_promises_has_no_violation(name: str) -> None:
    assert check(GOOD[name]) == []


END, DELETED, NUMBERS, OTHERS, BLOCKING, CANCELLING, PAUSING, LOG = (
    "acknowledged_requests_end_once",
    "deleted_things_stay_deleted",
    "job_numbers_are_given_once",
    "nothing_else_is_deleted",
    "blocked_members_are_refused",
    "cancelled_jobs_post_no_image",
    "paused_guilds_stand_still",
    "moderators_log_is_complete",
)
BAD: list[tuple[str, str, History]] = [
    (END, "lost", history(request(job=None))),
    (END, "lost without a message", painted(shown=(edited("Painted", 5), removed(6)))),
    (END, "not ended", painted(rows=[row("queued", posted=False)])),
    (END, "not posted", painted(rows=[row(posted=False)])),
    (END, "still in the queue", painted(shown=(edited("In the queue", 1),))),
    (END, "no image", painted(shown=(edited("Painted", 5, image=False),))),
    (END, "another end", painted(shown=(edited("Cancelled", 5),))),
    (END, "two jobs", painted(rows=[row(), row(job=4)], images=[JOB, 4])),
    (
        END,
        "two messages",
        painted(shown=(edited("Painted", 5), edited("Painted", 6, 52))),
    ),
    (END, "image and reason", painted(shown=(refused, edited("Painted", 5)))),
    (
        END,
        "two posts",
        painted(
            shown=(
                edited("Painted", 5, 52),
                edited("", 6, 52, seed=None),
                edited("Painted", 6),
            )
        ),
    ),
    (
        END,
        "thinking",
        painted(shown=(edited("Painted", 5), Shown(1, "created", 53, 5, loading=True))),
    ),
    (END, "open answers", painted(pending_answers=1)),
    (END, "damaged", painted(integrity="row 1 missing from index")),
    (DELETED, "outbox", painted(pending_deletions=2)),
    (DELETED, "message", painted(DELETE, rows=[row(deleted=True)], images=[], folders=[])),
    (DELETED, "row", deleted(DELETE, rows=[row()])),
    (DELETED, "folder", deleted(DELETE, rows=[row(deleted=True)], folders=[JOB])),
    (DELETED, "row of a member", deleted(DELETE_ALL, rows=[row(deleted=True)])),
    (DELETED, "text", deleted(DELETE_ALL, markers={"the database's file": [f"m{SEED}"]})),
    (
        DELETED,
        "reappeared",
        deleted(DELETE_ALL, shown=(removed(9), edited("Painted", 12, 54))),
    ),
    (
        NUMBERS,
        "in messages",
        painted(shown=(edited("Painted", 5), edited("", 2, 55, seed=9))),
    ),
    (NUMBERS, "after a deletion", painted(beas_request, rows=[row(), replace(beas_row, job=JOB)])),
    (OTHERS, "row", painted(rows=[])),
    (OTHERS, "files", painted(images=[])),
    (OTHERS, "counts as deleted", painted(rows=[row(deleted=True)])),
    (OTHERS, "upload", painted(rows=[row(uploads=["abc"])])),
    (OTHERS, "by another's deletion", deleted(operation("delete all", 7, member=BEA))),
    (OTHERS, "cancelled by nobody", cancelled()),
    (
        BLOCKING,
        "accepted",
        painted(BLOCK, beas_request, log=[BLOCKED], rows=[row(), beas_row], images=[JOB, 4]),
    ),
    (CANCELLING, "done", painted(CANCEL)),
    (
        CANCELLING,
        "image later",
        cancelled(CANCEL, shown=(edited("Painted", 6), edited("Cancelled", 7))),
    ),
    (CANCELLING, "revived", painted(snapshots=(snapshot(4, "cancelled"),))),
    (
        CANCELLING,
        "outlived a clearing",
        painted(
            operation("mod clear", 3, by=MO, cancelled=0), snapshots=(snapshot(4.5, "running"),)
        ),
    ),
    (
        PAUSING,
        "goes on",
        painted(
            PAUSE, RESUME, log=PAUSED, snapshots=(snapshot(4, "queued"), snapshot(8, "running"))
        ),
    ),
    (
        PAUSING,
        "painted",
        painted(PAUSE, RESUME, log=PAUSED, snapshots=(snapshot(4, "queued"), snapshot(8, "done"))),
    ),
    (
        PAUSING,
        "posted",
        painted(
            PAUSE, RESUME, log=PAUSED, snapshots=(snapshot(4, "queued"), snapshot(8, "queued"))
        ),
    ),
    (LOG, "no entry", cancelled(MOD_CANCEL)),
    (LOG, "two entries", cancelled(MOD_CANCEL, log=[entry("cancel"), entry("cancel")])),
    (LOG, "an effect without entry", cancelled(replace(MOD_CANCEL, outcome=UNKNOWN))),
    (LOG, "no entry of a pause", painted(PAUSE)),
    (LOG, "of a member", painted(BLOCK, log=[entry("block", whom=ADA, job=None)])),
    (LOG, "cleared", cancelled(operation("mod clear", 3, by=MO, cancelled=1))),
]


@pytest.mark.parametrize(("rule", "what", "bad"), BAD, ids=[f"{r}: {w}" for r, w, _ in BAD])
def test_each_broken_promise_is_found(rule: str, what: str, bad: History) -> None:
    assert rule in {violation.rule for violation in check(bad)}


def test_a_history_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = GOOD["paused"]
    written.nemeses.append((2.0, "kill -9 of the bot"))
    written.write(tmp_path / "history.jsonl")
    read_back = read(tmp_path / "history.jsonl")
    assert replace(read_back, start=written.start) == written
    bad = painted(rows=[])
    bad.write(tmp_path / "bad.jsonl")
    assert check(read(tmp_path / "bad.jsonl")) == check(bad) != []
