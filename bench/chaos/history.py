"""What happened in a run, as JSON lines: the only thing that `bench.chaos.checker` reads.

Times are seconds since the run began, on a clock that no nemesis changes.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """What a client knows after an operation."""

    OK = "ok"
    FAIL = "fail"
    """It was refused, so it had no effect."""
    UNKNOWN = "unknown"
    """No response, or an unclear one: it may have taken effect, or may still do so."""


@dataclass(slots=True)
class Operation:
    """An operation of a client."""

    process: str
    name: str
    arguments: dict[str, Any]
    invoked: float
    completed: float
    outcome: Outcome = Outcome.UNKNOWN
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def job(self) -> int | None:
        """The number of its job, if known."""
        number = self.result.get("job", self.arguments.get("job"))
        return None if number is None else int(number)


@dataclass(frozen=True, slots=True)
class Shown:
    """One event of a message; `deleted` events have no contents."""

    at: float
    event: str
    message: int
    channel: int
    interaction: int | None = None
    job: int | None = None
    seed: int | None = None
    title: str = ""
    text: str = ""
    image: bool = False
    """Whether it has a finished image."""
    loading: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The states of all jobs in the database at one time."""

    at: float
    states: dict[int, str]
    guilds: dict[int, int | None]


@dataclass(frozen=True, slots=True)
class Row:
    """A job in the database at the end."""

    job: int
    seed: int
    member: int
    guild: int | None
    state: str
    posted: bool
    deleted: bool
    reason: str
    uploads: list[str]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the moderators' log at the end."""

    guild: int
    act: str
    by: int | None
    whom: int | None
    job: int | None


@dataclass(slots=True)
class FinalState:
    """What is left after everything has had time to finish and both processes have stopped."""

    rows: list[Row] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)
    pending_deletions: int = 0
    pending_answers: int = 0
    images: list[int] = field(default_factory=list)
    """Jobs with finished images on disk."""
    folders: list[int] = field(default_factory=list)
    """Jobs with a folder on disk."""
    uploads: list[str] = field(default_factory=list)
    """Names of the uploaded images on disk."""
    markers: dict[str, list[str]] = field(default_factory=dict)
    """The requests' marker words that were found, by place."""
    integrity: str = "ok"


@dataclass(slots=True)
class History:
    """One run."""

    seed: int = 0
    operations: list[Operation] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    nemeses: list[tuple[float, str]] = field(default_factory=list)
    final: FinalState = field(default_factory=FinalState)
    start: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        return time.monotonic() - self.start

    @contextmanager
    def operation(self, process: str, name: str, **arguments: Any) -> Iterator[Operation]:
        """Records an operation; its outcome is unknown unless the block sets it."""
        operation = Operation(process, name, arguments, self.now(), float("inf"))
        try:
            yield operation
        finally:
            operation.completed = self.now()
            self.operations.append(operation)

    def write(self, path: Path) -> None:
        """Writes JSON lines in chronological order."""
        lines: list[tuple[float, dict[str, Any]]] = [(-1.0, {"kind": "run", "seed": self.seed})]
        lines += [(each.invoked, {"kind": "operation"} | asdict(each)) for each in self.operations]
        lines += [(each.at, {"kind": "shown"} | asdict(each)) for each in self.shown]
        lines += [(each.at, {"kind": "snapshot"} | asdict(each)) for each in self.snapshots]
        lines += [(at, {"kind": "nemesis", "at": at, "name": name}) for at, name in self.nemeses]
        lines.append((float("inf"), {"kind": "final"} | asdict(self.final)))
        lines.sort(key=lambda line: line[0])
        path.write_text("".join(json.dumps(line) + "\n" for _, line in lines))


def read(path: Path) -> History:
    """Reads a history that `History.write` wrote."""
    history = History()
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        match entry.pop("kind"):
            case "run":
                history.seed = entry["seed"]
            case "operation":
                entry["outcome"] = Outcome(entry["outcome"])
                history.operations.append(Operation(**entry))
            case "shown":
                history.shown.append(Shown(**entry))
            case "snapshot":
                states = {int(job): state for job, state in entry["states"].items()}
                guilds = {int(job): guild for job, guild in entry["guilds"].items()}
                history.snapshots.append(Snapshot(entry["at"], states, guilds))
            case "nemesis":
                history.nemeses.append((entry["at"], entry["name"]))
            case "final":
                entry["rows"] = [Row(**row) for row in entry["rows"]]
                entry["log"] = [LogEntry(**row) for row in entry["log"]]
                history.final = FinalState(**entry)
    return history
