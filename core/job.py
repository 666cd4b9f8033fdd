"""A job, its states, and the numbers of its progress."""

from dataclasses import dataclass
from enum import StrEnum

from core.recipe import Recipe


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


@dataclass(frozen=True, slots=True)
class Job:
    """One request with its recipe, asker, place and state: a row of the database, read once.

    Times are seconds since 1970. `posted` says that the outcome has been shown in the channel.
    """

    id: int
    recipe: Recipe
    guild_id: int | None
    channel_id: int
    message_id: int | None
    """The message that holds the card; None until there is one."""
    member_id: int
    member_name: str
    state: State
    priority: int
    """Higher goes first; 0 for everybody."""
    turn: int
    """The place in the fair order of its priority, see `core.fair_queue`."""
    engine: str | None
    """Who paints it, or painted it last."""
    lease_until: float | None
    attempts: int
    """How often an engine has taken it and not given it back in good order."""
    step: int
    """The last step that was recorded, 0..recipe.steps."""
    created_at: float
    started_at: float | None
    """When it was last claimed."""
    finished_at: float | None
    reason: str | None
    """Why it failed or was cancelled: one sentence for the asker."""
    posted: bool
    stopping: bool
    """Whether it is to stop at its next step and keep what is there."""
    parent_id: int | None
    """The job that this one repeats, varies or goes on from."""
    deleted_at: float | None
    """When its pictures were deleted."""
    spoilered: bool = False
    """Whether its images are posted behind a spoiler; so are those made from it."""
    age_restricted: bool = False
    """Whether it was requested in an age-restricted channel: it is shown in no other."""
    locale: str = "en"
    """What its asker's Discord speaks, as Discord calls it."""
    redraws: int = 0
    """How often its outcome was asked to be shown once more."""

    @property
    def seconds(self) -> float | None:
        """How long the painting took, once it has ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(0.0, self.finished_at - self.started_at)  # the clock may have been set back


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running job stands.

    `include` and `exclude` are the weighted means of the cosine similarities (-1..1) of the
    picture to the prompts; `exclude` is None without such prompts. `shares` holds each prompt's
    share in these means (weight · similarity / sum of the weights), in the recipe's order,
    include first: they add up to `include` and to `exclude`. With several pictures: their mean.
    """

    step: int
    steps: int
    include: float
    exclude: float | None = None
    shares: tuple[float, ...] = ()
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a recipe inherits from the jobs and uploaded images that it builds on."""

    age_restricted: bool = False
    """Whether any of them comes from an age-restricted channel."""
    spoilered: bool = False
    """Whether any of them is behind a spoiler."""
    foreign_images: tuple[str, ...] = ()
    """Names of uploaded images that this member has not uploaded."""
