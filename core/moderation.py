"""What the moderators of a server settle, do and hear of: plain values, as they stand on disk.

Times are seconds since 1970, numbers of people, roles and channels are Discord's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class AuditAction(StrEnum):
    """What an entry of the audit log is about. The values are stored; add, but never rename."""

    REFUSE = "refuse"
    CANCEL = "cancel"
    STOP = "stop"
    DELETE = "delete"
    REMOVE = "remove"
    MOVE_UP = "move_up"
    CLEAR = "clear"
    PAUSE = "pause"
    RESUME = "resume"
    SET_LIMITS = "set_limits"
    BLOCK = "block"
    UNBLOCK = "unblock"
    SET_WORD_RULE = "set_word_rule"
    SET_CHANNEL_RULE = "set_channel_rule"
    SET_SETTING = "set_setting"
    REPORT = "report"
    CLOSE_REPORT = "close_report"
    UNREADABLE = "unreadable"


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
class AuditEntry:
    """An entry of the audit log."""

    id: int
    guild_id: int
    created_at: float
    action: str
    """An AuditAction, or one that only a newer version knows."""
    actor_id: int | None
    """The moderator; None where the rules refused something."""
    target_id: int | None
    """The member whom it concerns."""
    job_id: int | None
    details: Mapping[str, Any]
    """The parameters of the action; `text` for entries of older versions."""
    reason: str | None
    """What the moderator or the reporting member wrote, or why the rules refused."""


@dataclass(frozen=True, slots=True)
class Report:
    """A job that a member has reported. `verdict` and `closed_by` are None while it is open."""

    id: int
    guild_id: int
    job_id: int
    member_id: int
    """Whose job it is."""
    reported_by: int
    reason: str | None
    created_at: float
    verdict: Verdict | None
    closed_by: int | None
