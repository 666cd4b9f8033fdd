"""What the moderators of a server settle, do and hear of: plain values, as they stand on disk.

Times are seconds since 1970, numbers of people, roles and channels are Discord's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Act(StrEnum):
    """What an entry of the log tells of."""

    REFUSE = "refused"
    CANCEL = "cancelled"
    STOP = "stopped"
    DELETE = "deleted"
    REMOVE = "removed"
    MOVE_UP = "moved up"
    CLEAR = "cleared"
    PAUSE = "paused"
    RESUME = "resumed"
    LIMIT = "limited"
    BLOCK = "blocked"
    UNBLOCK = "unblocked"
    WORD = "word"
    CHANNEL = "channel"
    SETTING = "setting"
    REPORT = "reported"
    VERDICT = "report closed"


class ChannelRule(StrEnum):
    """What can be said of a channel."""

    ALLOWED = "allowed"
    """Pictures may be asked for here; where any channel is allowed, the others are not."""
    SPOILERED = "spoilered"
    """Pictures are hidden until one clicks on them."""


class Verdict(StrEnum):
    """How a report is closed."""

    DELETE = "delete"
    BLOCK = "block"
    DISMISS = "dismiss"


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is painted for a server."""

    since: float
    by: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Guild:
    """The settings of a server."""

    moderator_role: int | None = None
    log_channel: int | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one role allows; None where it says nothing. Numbers are 1 or more."""

    running: int | None = None
    """Jobs that are painted at a time."""
    waiting: int | None = None
    """Jobs in the queue at a time."""
    per_hour: int | None = None
    """Jobs asked for in any 3,600 seconds."""
    size: str | None = None
    """The largest picture, such as `96x64`; what counts is its number of pixels."""
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A member may not ask for pictures."""

    member_id: int
    until: float | None
    """None for ever."""
    reason: str | None
    by: int


@dataclass(frozen=True, slots=True)
class WordRule:
    """Words that wishes may not have, or only those in age-restricted channels."""

    text: str
    age_restricted: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """All that a server has settled for one member."""

    pause: Pause | None = None
    block: Block | None = None
    allowed_channels: frozenset[int] = frozenset()
    spoilered_channels: frozenset[int] = frozenset()
    words: tuple[WordRule, ...] = ()
    limits: Mapping[int, Limits] = field(default_factory=dict)
    """By role id; the server's own id stands for everybody."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a member has asked for in a server."""

    waiting: int = 0
    last_hour: int = 0
    """Without what failed, and what was cancelled before it was begun."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log."""

    id: int
    guild_id: int
    created_at: float
    act: Act
    by_id: int | None
    """The moderator; None where the rules refused something."""
    whom_id: int | None
    job_id: int | None
    what: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """A picture that a member has reported. `verdict` and `closed_by` are None while it is open."""

    id: int
    guild_id: int
    job_id: int
    asker_id: int
    reported_by: int
    reason: str | None
    created_at: float
    verdict: Verdict | None
    closed_by: int | None
