"""Jobs: their states, why they ended, and their progress."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from core.columns import optional, required
from core.i18n import gettext
from core.recipe import Recipe


class JobKind(StrEnum):
    """What a job makes. The values are stored.

    A description is a job like any other rather than a row in a table of its own, so that
    admission, fairness, leases, delivery and deletion work for it without extra code. The only
    prompt of its recipe is the image to describe.
    """

    IMAGE = "image"
    DESCRIPTION = "description"
    """Prompts that describe an image, see `core.description`."""


class State(StrEnum):
    """queued → running → done | failed | cancelled (a queued job may be cancelled, too)."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


class ReasonCode(StrEnum):
    """Why a job failed or was cancelled; the parameters that its text needs are in the comment."""

    CANCELLED_BY = "cancelled_by"  # name
    CANCELLED_BY_MODERATOR = "cancelled_by_moderator"  # name, why
    QUEUE_CLEARED = "queue_cleared"
    MEMBER_BLOCKED = "member_blocked"
    DELETED_BY_MODERATOR = "deleted_by_moderator"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    OUT_OF_MEMORY = "out_of_memory"  # size, smaller
    OUT_OF_MEMORY_SEVERAL = "out_of_memory_several"  # size, smaller
    DISK_FULL = "disk_full"
    INCIDENT = "incident"  # incident
    SOURCE_DELETED = "source_deleted"
    IMAGE_REFUSED = "image_refused"
    UNREADABLE = "unreadable"  # posted: whether its images had been posted; its text needs none


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a job ended as it did. `core.discord_ui.reasons` turns it into text.

    A code with its parameters, free text in the member's language, or both. `code` may be one that
    only a newer version knows.
    """

    code: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self | None:
        """The `reason_…` columns; None if they are empty. Raises ValueError."""
        code, text = optional(row, "reason_code", str), optional(row, "reason_text", str)
        if code is None and text is None:
            return None
        params = json.loads(required(row, "reason_params", str))
        if not isinstance(params, dict):
            raise ValueError(f"reason_params is {params!r}")
        return cls(code, params, text)


@dataclass(frozen=True, slots=True)
class ResponseToken:
    """The token that can edit an interaction's response, even where the bot is not a member."""

    application_id: int
    token: str
    message_id: int
    """The response."""
    expires_at: float
    """In seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job that is not in the queue yet. See `Job` for the fields."""

    recipe: Recipe
    guild_id: int | None
    channel_id: int
    member_id: int
    member_name: str
    message_id: int | None = None
    priority: int = 0
    parent_id: int | None = None
    most_running: int | None = None
    """It waits while the member has this many running jobs in the server; 1 or more, or None."""
    spoilered: bool = False
    age_restricted: bool = False
    locale: str = "en"
    kind: JobKind = JobKind.IMAGE
    interaction_id: int | None = None
    """The interaction whose pending response is for this job, if there is one."""
    response_token: ResponseToken | None = None
    """Shows the job where the bot is not a member; such a job has no job message."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request with its recipe, member, channel and state: a snapshot of its database row.

    Times are seconds since 1970. `posted` says whether the outcome has been shown in the channel.
    """

    id: int
    recipe: Recipe
    guild_id: int | None
    channel_id: int
    message_id: int | None
    """The job message; None until there is one."""
    member_id: int
    member_name: str
    state: State
    priority: int
    """Higher priorities go first; 0 for everybody."""
    turn: int
    """The virtual start time within its priority, see `core.fair_queue`."""
    engine: str | None
    """The engine process that renders it, or rendered it last."""
    lease_until: float | None
    attempts: int
    """How often it was claimed, not counting claims that a pause or a clean shutdown ended."""
    step: int
    """The last step that was recorded, 0..recipe.steps."""
    created_at: float
    started_at: float | None
    """When it was last claimed."""
    finished_at: float | None
    reason: Reason | None
    """Why it failed or was cancelled; after success, notes for the member."""
    posted: bool
    stopping: bool
    """Whether it should stop at its next step and keep the image so far."""
    parent_id: int | None
    """The job that this one repeats, varies or continues."""
    deleted_at: float | None
    """When its images were deleted."""
    spoilered: bool = False
    """Whether its images are posted behind a spoiler; so are those made from it."""
    age_restricted: bool = False
    """Whether it was requested in an age-restricted channel: it is not shown in others."""
    locale: str = "en"
    """The Discord locale of its member."""
    redraws: int = 0
    """How often its outcome had to be shown again."""
    kind: JobKind = JobKind.IMAGE
    held: bool = False
    """Whether its images are hidden until a moderator has reviewed them."""

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """A row of `jobs`. Raises ValueError if it cannot be read."""
        return cls(
            id=required(row, "id", int),
            recipe=Recipe.model_validate_json(required(row, "recipe", str)),
            guild_id=optional(row, "guild_id", int),
            channel_id=required(row, "channel_id", int),
            message_id=optional(row, "message_id", int),
            member_id=required(row, "member_id", int),
            member_name=required(row, "member_name", str),
            state=State(required(row, "state", str)),
            priority=required(row, "priority", int),
            turn=required(row, "turn", int),
            engine=optional(row, "engine", str),
            lease_until=optional(row, "lease_until", float),
            attempts=required(row, "attempts", int),
            step=required(row, "step", int),
            created_at=required(row, "created_at", float),
            started_at=optional(row, "started_at", float),
            finished_at=optional(row, "finished_at", float),
            reason=Reason.from_row(row),
            posted=bool(required(row, "posted", int)),
            stopping=bool(required(row, "stopping", int)),
            parent_id=optional(row, "parent_id", int),
            deleted_at=optional(row, "deleted_at", float),
            spoilered=bool(required(row, "spoilered", int)),
            age_restricted=bool(required(row, "age_restricted", int)),
            locale=required(row, "locale", str),
            redraws=required(row, "redraws", int),
            kind=JobKind(required(row, "kind", str)),
            held=bool(required(row, "held", int)),
        )

    @property
    def title(self) -> str:
        """Its title in lists, in the current language."""
        if self.kind is JobKind.DESCRIPTION:
            return gettext("Description of an image")
        return self.recipe.title

    @property
    def seconds(self) -> float | None:
        """How long rendering took, once it has ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(0.0, self.finished_at - self.started_at)  # the clock may have been set back


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What can be read of a job whose row is damaged: enough to report it in its channel."""

    id: int
    """The id of the job."""
    guild_id: int | None
    channel_id: int
    message_id: int | None
    member_id: int
    locale: str
    redraws: int
    shows_images: bool
    """Whether its images had been posted when it became unreadable."""

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """A row of `jobs`. Raises ValueError if not even this can be read."""
        reason = Reason.from_row(row)
        return cls(
            required(row, "id", int),
            optional(row, "guild_id", int),
            required(row, "channel_id", int),
            optional(row, "message_id", int),
            required(row, "member_id", int),
            required(row, "locale", str),
            required(row, "redraws", int),
            reason is not None and reason.params.get("posted") is True,
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a running job.

    `include` and `exclude` are the weighted means of the cosine similarities (-1..1) of the image
    to the prompts, averaged over the images if there are several; `exclude` is None without exclude
    prompts.
    """

    step: int
    steps: int
    include: float
    exclude: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a recipe inherits from the jobs and uploaded images that it builds on."""

    age_restricted: bool = False
    """Whether any of them comes from an age-restricted channel."""
    spoilered: bool = False
    """Whether any of them is a spoiler."""
    foreign_images: tuple[str, ...] = ()
    """Names of uploaded images that this member has not uploaded."""
