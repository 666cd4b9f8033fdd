"""Checks whether a history keeps the product's promises, without any code of the product.

As in Jepsen, an `ok` operation took effect before it completed, a `fail`ed one never takes effect,
and an `unknown` one may take effect at any time after it was invoked.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from bench.chaos.history import History, Operation, Outcome, Row, Shown, Snapshot

T = TypeVar("T")
Key = tuple[str, int, int | None, int | None]
"""An entry in the moderators' log: action, server, moderator, and job or member."""

LATE = 120.0  #: seconds after which an operation with unknown outcome can no longer take effect
END_TITLES = {"done": "Painted", "failed": "Failed", "cancelled": "Cancelled"}
CANCELLATIONS = ("cancel", "cancel button", "mod cancel", "moderator's cancel")
DELETIONS = ("delete", "mod delete")
LOG_ACTIONS = {
    "mod pause": "pause",
    "mod resume": "resume",
    "mod block": "block",
    "mod unblock": "unblock",
    "mod cancel": "cancel",
    "moderator's cancel": "cancel",
    "mod delete": "close_report",
}
"""The action in the moderators' log for each operation."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken."""

    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


def check(history: History) -> list[Violation]:
    """All violations in a history."""
    facts = Facts(history)
    return [Violation(rule.__name__, detail) for rule in RULES for detail in rule(facts)]


class Facts:
    """A history, indexed."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.final = history.final

    def operations(self, *names: str, ok: bool = False) -> list[Operation]:
        """Operations that may have taken effect; with `ok`, only those that certainly did."""
        possible = (Outcome.OK,) if ok else (Outcome.OK, Outcome.UNKNOWN)
        return [
            each
            for each in self.history.operations
            if each.name in names and each.outcome in possible
        ]

    @cached_property
    def requests(self) -> list[Operation]:
        """All requests, including refused ones."""
        return [each for each in self.history.operations if each.name == "request"]

    @cached_property
    def rows(self) -> dict[int, list[Row]]:
        return _group_by(self.final.rows, lambda row: row.seed)

    @cached_property
    def shown(self) -> dict[int, list[Shown]]:
        """Everything that was shown for a request, by its seed."""
        return _group_by(
            (each for each in self.history.shown if each.seed), lambda each: each.seed or 0
        )

    @cached_property
    def answers(self) -> dict[int, list[Shown]]:
        """The messages that answered an interaction."""
        answers = (each for each in self.history.shown if each.interaction is not None)
        return _group_by(answers, lambda each: each.interaction or 0)

    @cached_property
    def removed(self) -> set[int]:
        """The messages that no longer exist."""
        return {each.message for each in self.history.shown if each.event == "deleted"}

    @cached_property
    def latest(self) -> dict[int, Shown]:
        """The latest version of each message that still exists."""
        shown = (each for each in self.history.shown if each.event != "deleted")
        return {each.message: each for each in shown if each.message not in self.removed}

    def job_messages(self, seed: int) -> list[Shown]:
        """The messages that show a request at the end."""
        return [each for each in self.latest.values() if each.seed == seed]

    def job(self, request: Operation) -> int | None:
        """The number of a request's job, if any record contains it."""
        numbers = [row.job for row in self.rows.get(request.arguments["seed"], ())]
        numbers += [each.job for each in self.shown.get(request.arguments["seed"], ()) if each.job]
        return numbers[0] if numbers else request.job

    def deletions(self, request: Operation, *, certain: bool) -> list[Operation]:
        """Deletions that may have deleted a request; with `certain`, only those that must have."""
        job, member = self.job(request), request.arguments["member"]
        found = [each for each in self.operations(*DELETIONS, ok=certain) if each.job == job]
        found += [
            each
            for each in self.operations("delete all", ok=certain)
            if each.arguments["member"] == member
        ]
        if certain:
            known = request.outcome is Outcome.OK
            return [each for each in found if known and request.completed <= each.invoked]
        return [each for each in found if each.completed >= request.invoked]


def acknowledged_requests_end_once(facts: Facts) -> Iterator[str]:
    for request in facts.requests:
        seed = request.arguments["seed"]
        rows, job_messages = facts.rows.get(seed, []), facts.job_messages(seed)
        yield from _duplicates(facts, seed, rows, job_messages)
        if facts.deletions(request, certain=False):
            continue
        answers = facts.answers.get(request.result.get("interaction", 0), [])
        reasons = [each for each in answers if each.text and not each.seed and not each.loading]
        if reasons and rows:
            yield f"request {seed} was refused, “{reasons[-1].text}”, but is job {rows[0].job}"
        if not rows:
            if request.result.get("acknowledged") and not reasons:
                yield f"request {seed} was acknowledged but has neither a job nor a reason"
            continue
        yield from _not_ended(rows[0], job_messages)
    for answer in facts.latest.values():
        if answer.loading:
            yield f"message {answer.message} shows “thinking…” forever"
    if facts.final.pending_answers:
        yield f"{facts.final.pending_answers} pending responses are left"
    if facts.final.integrity != "ok":
        yield f"the database is damaged: {facts.final.integrity}"


def _duplicates(
    facts: Facts, seed: int, rows: list[Row], job_messages: list[Shown]
) -> Iterator[str]:
    if len(rows) > 1:
        yield f"request {seed} has the jobs {[row.job for row in rows]}"
    if len(job_messages) > 1:
        yield f"request {seed} is shown by {len(job_messages)} messages"
    posts = {each.message for each in facts.shown.get(seed, ()) if each.image} - facts.removed
    if len(posts) > 1:
        yield f"the image of request {seed} was posted {len(posts)} times"


def _not_ended(row: Row, job_messages: list[Shown]) -> Iterator[str]:
    if row.state not in END_TITLES or not row.posted:
        yield f"job {row.job} has not ended: {row.state}, {'' if row.posted else 'not '}posted"
        return
    for message in job_messages:
        if message.title != END_TITLES[row.state]:
            yield f"job {row.job} is {row.state}, but its message says “{message.title}”"
        elif row.state == "done" and not message.image:
            yield f"job {row.job} is done, but its message has no image"
    if not job_messages:
        yield f"job {row.job} is {row.state}, but no message says so"


def deleted_things_stay_deleted(facts: Facts) -> Iterator[str]:
    if facts.final.pending_deletions:
        yield f"{facts.final.pending_deletions} deletions are not carried out"
    for request in facts.requests:
        deletions = facts.deletions(request, certain=True)
        if not deletions:
            continue
        seed, job = request.arguments["seed"], facts.job(request)
        if facts.job_messages(seed):
            yield f"job {job} was deleted, but a message shows it"
        if job in facts.final.folders:
            yield f"job {job} was deleted, but its folder exists"
        rows = [row for row in facts.rows.get(seed, ()) if not row.deleted]
        if rows:
            yield f"job {job} was deleted, but its row exists"
        if any(each.name == "delete all" for each in deletions):
            yield from _traces_left(facts, request, job)


def _traces_left(facts: Facts, request: Operation, job: int | None) -> Iterator[str]:
    """After a member deleted everything, no trace of their requests is left."""
    if facts.rows.get(request.arguments["seed"]):
        yield f"all data of its member was deleted, but job {job} has a row"
    for place, markers in facts.final.markers.items():
        if request.arguments["marker"] in markers:
            yield f"all data of its member was deleted, but the text of job {job} is in {place}"
    in_use = {name for row in facts.final.rows for name in row.uploads}
    image = request.arguments.get("image")
    for name in request.result.get("uploads", ()):
        others = [
            each
            for each in facts.requests
            if each.arguments.get("image") == image
            and not facts.deletions(each, certain=True)
            and each.outcome is not Outcome.FAIL
        ]
        if name in facts.final.uploads and name not in in_use and not others:
            yield f"all data of its member was deleted, but the upload of job {job} exists"


def job_numbers_are_given_once(facts: Facts) -> Iterator[str]:
    seeds: dict[int, set[int]] = defaultdict(set)
    for each in facts.history.shown:
        if each.job is not None and each.seed is not None:
            seeds[each.job].add(each.seed)
    for row in facts.final.rows:
        seeds[row.job].add(row.seed)
    for job, job_seeds in seeds.items():
        if len(job_seeds) > 1:
            yield f"job number {job} was given to the requests {sorted(job_seeds)}"


def nothing_else_is_deleted(facts: Facts) -> Iterator[str]:
    for request in facts.requests:
        seed, job = request.arguments["seed"], facts.job(request)
        if job is None or facts.deletions(request, certain=False):
            continue
        rows = facts.rows.get(seed, [])
        if not rows:
            yield f"nobody deleted job {job}, but its row is gone"
        for row in rows:
            if row.deleted:
                yield f"nobody deleted job {job}, but it counts as deleted"
            if row.state == "done" and job not in facts.final.images:
                yield f"nobody deleted job {job}, but its images are gone from the disk"
            for name in row.uploads:
                if name not in facts.final.uploads:
                    yield f"nobody deleted job {job}, but its uploaded image is gone"
            if row.state == "cancelled" and not _may_be_cancelled(facts, row):
                yield f"nobody cancelled job {job}, but it is cancelled: {row.reason}"


def _may_be_cancelled(facts: Facts, row: Row) -> bool:
    return any(
        each.job == row.job
        or (
            each.name in ("mod block", "mod clear")
            and each.arguments["guild"] == row.guild
            and each.arguments.get("member", row.member) == row.member
        )
        for each in facts.operations(*CANCELLATIONS, "mod block", "mod clear")
    )


def blocked_members_are_refused(facts: Facts) -> Iterator[str]:
    for block in facts.operations("mod block", ok=True):
        member, guild = block.arguments["member"], block.arguments["guild"]
        unblocks = [
            each
            for each in facts.operations("mod unblock")
            if each.arguments["member"] == member and each.arguments["guild"] == guild
        ]
        if any(_may_be_late(each, block) for each in unblocks):
            continue
        end = min(
            (each.invoked for each in unblocks if each.invoked >= block.completed),
            default=float("inf"),
        )
        for request in facts.requests:
            if (request.arguments["member"], request.arguments["guild"]) != (member, guild):
                continue
            seed = request.arguments["seed"]
            inside = block.completed <= request.invoked and request.completed <= end
            if inside and (facts.rows.get(seed) or facts.shown.get(seed)):
                yield f"request {seed} of a blocked member was accepted: job {facts.job(request)}"


def cancelled_jobs_post_no_image(facts: Facts) -> Iterator[str]:
    for operation in facts.operations(*CANCELLATIONS, ok=True):
        job = operation.job
        for each in facts.history.shown:
            if each.job == job and each.image and each.at > operation.completed:
                yield f"job {job} was cancelled, but its image was posted afterwards"
                break
        for row in facts.final.rows:
            if row.job == job and row.state != "cancelled":
                yield f"job {job} was cancelled, but is {row.state}"
    yield from _changed_ends(facts)
    yield from _continued_jobs(facts)


def _changed_ends(facts: Facts) -> Iterator[str]:
    """A job that has ended keeps its state."""
    last: dict[int, str] = {}
    final = Snapshot(float("inf"), {row.job: row.state for row in facts.final.rows}, {})
    for snapshot in [*sorted(facts.history.snapshots, key=lambda each: each.at), final]:
        for job, state in snapshot.states.items():
            if last.get(job, state) in END_TITLES and last.get(job, state) != state:
                yield f"job {job} was {last[job]}, but became {state}"
            last[job] = state


def _continued_jobs(facts: Facts) -> Iterator[str]:
    """No job continues after its member was blocked or its queue cleared."""
    for operation in facts.operations("mod block", "mod clear", ok=True):
        after = _snapshot_after(facts, operation)
        for request in facts.requests:
            job = facts.job(request)
            known = request.outcome is Outcome.OK and request.completed <= operation.invoked
            same = request.arguments["guild"] == operation.arguments["guild"] and (
                operation.name == "mod clear"
                or request.arguments["member"] == operation.arguments["member"]
            )
            if known and same and after and after.states.get(job or 0) in ("queued", "running"):
                yield f"job {job} continues after “{operation.name}”"


def paused_guilds_stand_still(facts: Facts) -> Iterator[str]:
    for pause in facts.operations("mod pause", ok=True):
        guild = pause.arguments["guild"]
        resumes = [
            each for each in facts.operations("mod resume") if each.arguments["guild"] == guild
        ]
        if any(_may_be_late(each, pause) for each in resumes):
            continue
        end = min(
            (each.invoked for each in resumes if each.invoked >= pause.completed),
            default=float("inf"),
        )
        inside = [each for each in facts.history.snapshots if pause.completed <= each.at <= end]
        waiting: set[int] = set()
        for snapshot in inside:
            here = {
                job: state
                for job, state in snapshot.states.items()
                if snapshot.guilds.get(job) == guild
            }
            for job, state in here.items():
                if state == "running" or (state in ("done", "failed") and job in waiting):
                    yield f"job {job} is {state} while its server is paused"
            waiting |= {job for job, state in here.items() if state == "queued"}
        for each in facts.history.shown:
            if each.job in waiting and each.image and inside[0].at < each.at < end:
                yield f"an image of job {each.job} was posted while its server was paused"


def moderators_log_is_complete(facts: Facts) -> Iterator[str]:
    entries = Counter(
        (each.act, each.guild, each.by, each.whom if each.act in _MEMBER_ACTIONS else each.job)
        for each in facts.final.log
    )
    certain, possible = Counter[Key](), Counter[Key]()
    for operation in facts.operations(*LOG_ACTIONS):
        key = _entry_of(operation)
        possible[key] += 1
        certain[key] += operation.outcome is Outcome.OK
    for key, number in possible.items():
        if not certain[key] <= entries[key] <= number:
            yield (
                f"{certain[key]} to {number} times “{key[0]}” by {key[2]} of {key[3]},"
                f" but {entries[key]} entries"
            )
    yield from _missing_clear_entries(facts)
    yield from _cancelled_without_entry(facts)


_MEMBER_ACTIONS = ("block", "unblock")


def _entry_of(operation: Operation) -> Key:
    act, arguments = LOG_ACTIONS[operation.name], operation.arguments
    subject = arguments.get("member") if act in _MEMBER_ACTIONS else operation.job
    return act, arguments["guild"], arguments["by"], subject


def _missing_clear_entries(facts: Facts) -> Iterator[str]:
    entries = Counter((each.guild, each.by) for each in facts.final.log if each.act == "clear")
    cancelled = Counter[tuple[int, int]]()
    for operation in facts.operations("mod clear", ok=True):
        key = operation.arguments["guild"], operation.arguments["by"]
        cancelled[key] += operation.result.get("cancelled", 0)
    for key, number in cancelled.items():
        if entries[key] < number:
            yield f"{key[1]} cleared {number} jobs, but the log has {entries[key]}"


def _cancelled_without_entry(facts: Facts) -> Iterator[str]:
    """If a moderator's cancellation of unknown outcome took effect, it must be in the log."""
    logged = {each.job for each in facts.final.log if each.act == "cancel"}
    own = {each.job for each in facts.operations("cancel", "cancel button")}
    others = {
        (each.arguments["guild"], each.arguments.get("member"))
        for each in facts.operations("mod block", "mod clear")
    }
    moderated = {each.job for each in facts.operations("mod cancel", "moderator's cancel")}
    for row in facts.final.rows:
        if row.state != "cancelled" or row.deleted or row.job not in moderated - own - logged:
            continue
        if (row.guild, row.member) not in others and (row.guild, None) not in others:
            yield f"a moderator cancelled job {row.job}, but the log does not say so"


def _may_be_late(earlier: Operation, later: Operation) -> bool:
    """Whether an operation of unknown outcome may take effect after a later one."""
    unknown = earlier.outcome is Outcome.UNKNOWN
    return unknown and later.invoked - LATE < earlier.invoked < later.completed


def _snapshot_after(facts: Facts, operation: Operation) -> Snapshot | None:
    later = (each for each in facts.history.snapshots if each.at >= operation.completed)
    return min(later, key=lambda each: each.at, default=None)


def _group_by(things: Iterable[T], key: Callable[[T], int]) -> dict[int, list[T]]:
    found: dict[int, list[T]] = defaultdict(list)
    for each in things:
        found[key(each)].append(each)
    return found


RULES: tuple[Callable[[Facts], Iterator[str]], ...] = (
    acknowledged_requests_end_once,
    deleted_things_stay_deleted,
    job_numbers_are_given_once,
    nothing_else_is_deleted,
    blocked_members_are_refused,
    cancelled_jobs_post_no_image,
    paused_guilds_stand_still,
    moderators_log_is_complete,
)
