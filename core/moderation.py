"""Value types for moderation: rules, limits, blocks, reports and audit-log entries.

Times are seconds since 1970. Ids of members, roles and channels are Discord's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class AuditAction(StrEnum):
    """What an audit-log entry is about. The values are stored: add new ones, but rename none."""

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
    IMAGE_CHECK = "image_check"
    SET_IMAGE_CONCEPT = "set_image_concept"
    SET_STYLE = "set_style"
    DEFAULT_REFUSED = "default_refused"
    NO_THEME_VOTE = "no_theme_vote"


IMAGE_CHECK = 0
"""The `reported_by` of a held image, which was reported by the image check, not by a member."""


class ChannelRule(StrEnum):
    """A rule for a channel. The values are stored."""

    ALLOWED = "allowed"
    """Images may be requested here. If any channel has this rule, those without it are closed."""
    SPOILERED = "spoilered"
    """Images are posted as spoilers here."""


class Verdict(StrEnum):
    """How a report is closed. The values are stored."""

    DELETE = "delete"
    BLOCK = "block"
    DISMISS = "dismiss"


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause: nothing is rendered for one server, or for all of them."""

    since: float
    by: int
    reason: str | None
    everywhere: bool = False
    """Whether the host has paused all servers."""


@dataclass(frozen=True, slots=True)
class Guild:
    """The settings of a server."""

    moderator_role: int | None = None
    log_channel: int | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a role; None where it has none. Numbers are 1 or more."""

    running: int | None = None
    """Running jobs at a time."""
    waiting: int | None = None
    """Waiting jobs at a time."""
    per_hour: int | None = None
    """Requests within any 3,600 seconds."""
    size: str | None = None
    """The largest size, such as `96x64`, compared by its number of pixels."""
    steps: int | None = None
    film_frames: int | None = None
    """Fewer than `core.film.MIN_FRAMES` means no films."""


@dataclass(frozen=True, slots=True)
class Block:
    """A member who may not request images."""

    member_id: int
    until: float | None
    """None for a permanent block."""
    reason: str | None
    by: int


@dataclass(frozen=True, slots=True)
class WordRule:
    """A word that prompts may not contain, or only in age-restricted channels."""

    text: str
    age_restricted: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """A server's rules as they apply to one member."""

    pause: Pause | None = None
    block: Block | None = None
    allowed_channels: frozenset[int] = frozenset()
    spoilered_channels: frozenset[int] = frozenset()
    words: tuple[WordRule, ...] = ()
    limits: Mapping[int, Limits] = field(default_factory=dict)
    """By role id; the server's own id is that of @everyone."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a member has requested in a server, for comparison with the limits."""

    waiting: int = 0
    last_hour: int = 0
    """Not counting jobs that failed, or were cancelled before they started."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the audit log."""

    id: int
    guild_id: int
    created_at: float
    action: str
    """An AuditAction, or one that only a newer version knows."""
    actor_id: int | None
    """The moderator; None if the rules refused a request."""
    target_id: int | None
    """The member concerned."""
    job_id: int | None
    details: Mapping[str, Any]
    """The parameters of the action; `text` in entries of older versions."""
    reason: str | None
    """What the moderator or the reporting member wrote, or why the rules refused."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report of a job. `verdict` and `closed_by` are None while it is open."""

    id: int
    guild_id: int
    job_id: int
    member_id: int
    """The member who requested the job."""
    reported_by: int
    """IMAGE_CHECK for an image that is held until the report is closed."""
    reason: str | None
    created_at: float
    verdict: Verdict | None
    closed_by: int | None

    @property
    def by_image_check(self) -> bool:
        """Whether the image check made it; then the image is held until it is closed."""
        return self.reported_by == IMAGE_CHECK
