"""Judges the outcome of each request, from what Discord received and shows, and from the database.

Each request has its own seed, which its job message and the database contain, so everything about a
request can be found. The judge doesn't read our logs.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Payload = dict[str, Any]

LOADING = 1 << 7  #: the flag of a message that reads "Imagine is thinking…"
WAITING_TITLES = ("In the queue", "Painting")
END_TITLES = {"Painted": "done", "Failed": "failed", "Cancelled": "cancelled"}
"""Titles of ended jobs' messages, and the state in the database that belongs to each."""

_SEED = re.compile(r"\bseed (\d+)\b")


class Fate(StrEnum):
    """The outcome of a request."""

    IMAGE = "image"
    REASON = "reason"
    CANCELLED = "cancelled"
    UNREACHABLE = "unreachable"
    """It ended, but its channel is gone, or the bot is no longer in the server."""
    UNACKNOWLEDGED = "unacknowledged"
    """The member read that the application did not respond."""
    STUCK = "stuck"
    """Its message still says that it is waiting or running."""
    LOST = "lost"


ENDED = (Fate.IMAGE, Fate.REASON, Fate.CANCELLED, Fate.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Request:
    """A request by a member."""

    seed: int
    channel_id: int
    interaction_id: int | None
    """None if it was not acknowledged."""


@dataclass(frozen=True, slots=True)
class Row:
    """A job in the database."""

    seed: int
    state: str
    posted: bool


@dataclass(slots=True)
class Channels:
    """What members saw, from Discord's events in order."""

    messages: dict[int, Payload] = field(default_factory=dict)
    """Each message as it is now."""
    job_message_ids: dict[int, set[int]] = field(default_factory=dict)
    """By a request's seed: the ids of all messages that have been its job message."""
    image_message_ids: dict[int, set[int]] = field(default_factory=dict)
    """By a request's seed: the ids of all messages that have shown its finished image."""
    deleted: set[int] = field(default_factory=set)
    outcomes: dict[int, Payload] = field(default_factory=dict)
    """By a request's seed: a job message that showed its outcome before it was deleted."""

    def record_event(self, name: str, data: Payload) -> None:
        """Records one event of the gateway."""
        if name == "MESSAGE_DELETE":
            self.deleted.add(int(data["id"]))
            gone = self.messages.pop(int(data["id"]), None)
            if gone and (seed := seed_on(gone)) is not None and title_of(gone) in END_TITLES:
                self.outcomes[seed] = gone
        if name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            return
        number = int(data["id"])
        self.messages[number] = data
        if (seed := seed_on(data)) is not None:
            self.job_message_ids.setdefault(seed, set()).add(number)
            if title_of(data) == "Painted" and has_image(data):
                self.image_message_ids.setdefault(seed, set()).add(number)

    def job_messages(self, seed: int) -> list[Payload]:
        """The messages that show a request now, or a deleted one that showed its outcome."""
        shown = [each for each in self.messages.values() if seed_on(each) == seed]
        return shown or [each for each in [self.outcomes.get(seed)] if each]

    def answers(self, interaction_id: int | None) -> list[Payload]:
        """The messages that answer an interaction now."""
        return [each for each in self.messages.values() if _interaction_of(each) == interaction_id]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one request."""

    request: Request
    fate: Fate
    duplicated: bool
    """Whether it has two jobs, two job messages or two messages with the image."""


def judge(
    requests: Iterable[Request], rows: Sequence[Row], channels: Channels, reachable: Collection[int]
) -> list[Verdict]:
    """A verdict on each request; `reachable` are the channels in which the bot can still write."""
    return [
        _judge_request(request, rows, channels, request.channel_id in reachable)
        for request in requests
    ]


def _judge_request(
    request: Request, rows: Sequence[Row], channels: Channels, reachable: bool
) -> Verdict:
    job_rows = [row for row in rows if row.seed == request.seed]
    job_messages = channels.job_messages(request.seed)
    answers = [] if request.interaction_id is None else channels.answers(request.interaction_id)
    duplicated = (
        len(job_rows) > 1
        or len(channels.job_message_ids.get(request.seed, set()) - channels.deleted) > 1
        or len(channels.image_message_ids.get(request.seed, set()) - channels.deleted) > 1
    )
    if request.interaction_id is None and not job_rows:
        return Verdict(request, Fate.UNACKNOWLEDGED, duplicated)
    if not reachable:
        ended = all(row.state in END_TITLES.values() and row.posted for row in job_rows)
        return Verdict(request, Fate.UNREACHABLE if ended else Fate.LOST, duplicated)
    return Verdict(request, _fate(job_rows, job_messages, answers), duplicated)


def _fate(
    job_rows: Sequence[Row], job_messages: Sequence[Payload], answers: Sequence[Payload]
) -> Fate:
    titles = {title_of(message) for message in job_messages}
    if titles & set(WAITING_TITLES) or any(answer["flags"] & LOADING for answer in answers):
        return Fate.STUCK
    if not job_rows:
        reasons = [answer for answer in answers if answer["content"] and title_of(answer) == ""]
        return Fate.REASON if reasons else Fate.LOST
    states = {row.state for row in job_rows if row.posted}
    if not job_messages or {END_TITLES.get(title) for title in titles} != states:
        return Fate.LOST
    if "done" not in states:
        return Fate.CANCELLED if "cancelled" in states else Fate.REASON
    return (
        Fate.IMAGE
        if all(has_image(message) or _has_note(message) for message in job_messages)
        else Fate.LOST
    )


def title_of(message: Payload) -> str:
    """The heading of a job message, or an embed's title; "" if there is neither."""
    headings = [text for text in texts_of(message) if text.startswith("### ")]
    if headings:
        return headings[0].partition("\n")[0].removeprefix("### ")
    embeds = message["embeds"]
    return str(embeds[0].get("title", "")) if embeds else ""


def texts_of(message: Payload) -> list[str]:
    """The texts of a layout, from top to bottom."""
    return [part["content"] for part in parts_of(message) if "content" in part]


def parts_of(part: Payload) -> Iterator[Payload]:
    """All components of a message or component."""
    for inner in part.get("components", ()):
        yield inner
        yield from parts_of(inner)


def footer_of(message: Payload) -> str:
    """The footer of a job message; "" for any other message."""
    small = [text for text in texts_of(message) if text.startswith("-# #")]
    return small[-1].removeprefix("-# ") if small else ""


def seed_on(message: Payload) -> int | None:
    """The seed in a job message; None for any other message."""
    found = _SEED.search(footer_of(message))
    return int(found[1]) if found else None


def has_image(message: Payload) -> bool:
    """Whether a message shows a finished image; frames are WebP."""
    items = [item for part in parts_of(message) for item in part.get("items", ())]
    names = [item["media"]["url"] for item in items]
    names += [file["filename"] for file in message["attachments"]]
    return any(name.split("?")[0].endswith(".png") for name in names)


def _has_note(message: Payload) -> bool:
    return any(text.startswith("**Note**") for text in texts_of(message))


def _interaction_of(message: Payload) -> int | None:
    interaction = message.get("interaction_metadata")
    return int(interaction["id"]) if interaction else None
