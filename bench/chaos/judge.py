"""Counts what became of each job, from what Discord received and shows, and from the database.

Each wish has a seed of its own, which its card tells and the database knows; by it everything
about a wish is found. Logs of ours are not asked.
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
"""Titles of cards that tell an end, and the state that the database should know."""

_SEED = re.compile(r"\bseed (\d+)\b")


class Fate(StrEnum):
    """What a wish came to."""

    PICTURE = "picture"
    REASON = "reason"
    CANCELLED = "cancelled"
    NOWHERE = "nowhere"
    """It ended, but its channel, or the bot's way there, is gone: nobody can be told."""
    UNHEARD = "unheard"
    """Nobody acknowledged it: the member read that the application did not respond."""
    STUCK = "stuck"
    """Its message is there, but still waits."""
    LOST = "lost"


ENDED = (Fate.PICTURE, Fate.REASON, Fate.CANCELLED, Fate.NOWHERE)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a member asked for."""

    seed: int
    channel_id: int
    interaction_id: int | None
    """None where the member read that the application did not respond."""


@dataclass(frozen=True, slots=True)
class Row:
    """A job as the database has it."""

    seed: int
    state: str
    posted: bool


@dataclass(slots=True)
class Channels:
    """What members saw: fed with Discord's events, in their order."""

    messages: dict[int, Payload] = field(default_factory=dict)
    """Each message as it stands now."""
    ever: dict[int, set[int]] = field(default_factory=dict)
    """For a wish's seed: the messages that have been its card."""
    painted: dict[int, set[int]] = field(default_factory=dict)
    """For a wish's seed: the messages that have shown its finished picture."""
    deleted: set[int] = field(default_factory=set)
    told: dict[int, Payload] = field(default_factory=dict)
    """For a wish's seed: a card that told its end, and was deleted afterwards."""

    def hear(self, name: str, data: Payload) -> None:
        """Takes note of one event of the gateway's."""
        if name == "MESSAGE_DELETE":
            self.deleted.add(int(data["id"]))
            gone = self.messages.pop(int(data["id"]), None)
            if gone and (seed := seed_on(gone)) is not None and title_of(gone) in END_TITLES:
                self.told[seed] = gone
        if name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            return
        number = int(data["id"])
        self.messages[number] = data
        if (seed := seed_on(data)) is not None:
            self.ever.setdefault(seed, set()).add(number)
            if title_of(data) == "Painted" and has_picture(data):
                self.painted.setdefault(seed, set()).add(number)

    def cards(self, seed: int) -> list[Payload]:
        """The messages that show a wish now; or the one that has told its end, if it is gone."""
        shown = [each for each in self.messages.values() if seed_on(each) == seed]
        return shown or [each for each in [self.told.get(seed)] if each]

    def answers(self, interaction_id: int | None) -> list[Payload]:
        """The messages that answer an interaction now."""
        return [each for each in self.messages.values() if _answered(each) == interaction_id]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one wish."""

    wish: Wish
    fate: Fate
    doubled: bool


def judge(
    wishes: Iterable[Wish], rows: Sequence[Row], channels: Channels, reachable: Collection[int]
) -> list[Verdict]:
    """A verdict on each wish; `reachable` are the channels that the bot may still write in."""
    return [_judged(wish, rows, channels, wish.channel_id in reachable) for wish in wishes]


def _judged(wish: Wish, rows: Sequence[Row], channels: Channels, reachable: bool) -> Verdict:
    own = [row for row in rows if row.seed == wish.seed]
    cards = channels.cards(wish.seed)
    answers = [] if wish.interaction_id is None else channels.answers(wish.interaction_id)
    doubled = (
        len(own) > 1
        or len(channels.ever.get(wish.seed, set()) - channels.deleted) > 1
        or len(channels.painted.get(wish.seed, set()) - channels.deleted) > 1
    )
    if wish.interaction_id is None and not own:
        return Verdict(wish, Fate.UNHEARD, doubled)
    if not reachable:
        over = all(row.state in END_TITLES.values() and row.posted for row in own)
        return Verdict(wish, Fate.NOWHERE if over else Fate.LOST, doubled)
    return Verdict(wish, _fate(own, cards, answers), doubled)


def _fate(own: Sequence[Row], cards: Sequence[Payload], answers: Sequence[Payload]) -> Fate:
    titles = {title_of(card) for card in cards}
    if titles & set(WAITING_TITLES) or any(answer["flags"] & LOADING for answer in answers):
        return Fate.STUCK
    if not own:  # the member was told why there is no job
        told = [answer for answer in answers if answer["content"] and title_of(answer) == ""]
        return Fate.REASON if told else Fate.LOST
    states = {row.state for row in own if row.posted}
    if not cards or {END_TITLES.get(title) for title in titles} != states:
        return Fate.LOST
    if "done" not in states:
        return Fate.CANCELLED if "cancelled" in states else Fate.REASON
    return Fate.PICTURE if all(has_picture(card) or _note(card) for card in cards) else Fate.LOST


def title_of(message: Payload) -> str:
    """The heading of a job message, or an embed's title; "" on any other message."""
    headings = [text for text in texts_of(message) if text.startswith("### ")]
    if headings:
        return headings[0].partition("\n")[0].removeprefix("### ")
    embeds = message["embeds"]
    return str(embeds[0].get("title", "")) if embeds else ""


def texts_of(message: Payload) -> list[str]:
    """What a layout says, from top to bottom."""
    return [part["content"] for part in parts_of(message) if "content" in part]


def parts_of(part: Payload) -> Iterator[Payload]:
    """All components of a message or component."""
    for inner in part.get("components", ()):
        yield inner
        yield from parts_of(inner)


def footer_of(message: Payload) -> str:
    """The small print of a job message; "" on any other."""
    small = [text for text in texts_of(message) if text.startswith("-# #")]
    return small[-1].removeprefix("-# ") if small else ""


def seed_on(message: Payload) -> int | None:
    """The seed that a job message says; None on any other message."""
    found = _SEED.search(footer_of(message))
    return int(found[1]) if found else None


def has_picture(message: Payload) -> bool:
    """Whether a message shows a finished image; frames are WebP."""
    items = [item for part in parts_of(message) for item in part.get("items", ())]
    names = [item["media"]["url"] for item in items]
    names += [file["filename"] for file in message["attachments"]]
    return any(name.split("?")[0].endswith(".png") for name in names)


def _note(message: Payload) -> bool:
    return any(text.startswith("**Note**") for text in texts_of(message))


def _answered(message: Payload) -> int | None:
    told = message.get("interaction_metadata")
    return int(told["id"]) if told else None
