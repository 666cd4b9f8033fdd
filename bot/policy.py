"""Who may ask for what, free of Discord's objects: plain values in, a decision out."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.job import Job
from jobs.recipe import Recipe

MAX_LIVE_JOBS = 5
"""Jobs that one member may have waiting or being painted at a time."""

MIN_STEPS, MAX_STEPS = 10, 500


@dataclass(frozen=True, slots=True)
class Size:
    """A size on the menu, in pixels."""

    label: str
    width: int
    height: int

    @property
    def name(self) -> str:
        """Width and height, such as `64x64`."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Menu:
    """What can be asked of a pair. The first size is the one that nobody needs to name."""

    sizes: tuple[Size, ...]
    steps: int
    """Steps where nobody names any."""


def _sizes(short: int, long: int) -> tuple[Size, ...]:
    return (
        Size("Square", short, short),
        Size("Wide", long, short),
        Size("Tall", short, long),
        Size("Large square", long, long),
    )


_SKETCH = Menu(_sizes(64, 96), steps=150)
_FULL_SIZE = Menu(_sizes(256, 384), steps=300)


def menu(pair: str) -> Menu:
    """What can be asked of this pair; pairs other than `sketch` paint at full size."""
    return _SKETCH if pair == "sketch" else _FULL_SIZE


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes, or no with a sentence for the member. True in a condition if it is yes."""

    refusal: str = ""

    def __bool__(self) -> bool:
        return not self.refusal


YES = Decision()


@dataclass(frozen=True, slots=True)
class Asker:
    """A member, in the place where they type or press."""

    member_id: int
    guild_id: int | None
    channel_id: int | None
    moderator: bool
    """Whether they may manage messages there."""


def may_post(missing: Sequence[str]) -> Decision:
    """Whether the bot can show pictures in a channel where it lacks these permissions."""
    if missing:
        needed = " and ".join(missing)
        return Decision(
            f"I cannot show pictures in this channel: here I lack the permission {needed}."
            " Whoever manages this server can grant it."
        )
    return YES


def may_paint(recipe: Recipe, pair: str) -> Decision:
    """Whether a recipe is on the menu of the pair."""
    known = [size.name for size in menu(pair).sizes]
    if recipe.size not in known:
        return Decision(
            f"Pictures of {recipe.size} are not painted here: choose one of {', '.join(known)}."
        )
    if not MIN_STEPS <= recipe.steps <= MAX_STEPS:
        return Decision(f"Steps can be {MIN_STEPS} to {MAX_STEPS}.")
    return YES


def may_queue(live_jobs: int) -> Decision:
    """Whether a member who has so many jobs waiting or being painted may ask for one more."""
    if live_jobs >= MAX_LIVE_JOBS:
        return Decision(
            f"You already have {live_jobs} pictures waiting or being painted, and {MAX_LIVE_JOBS}"
            " is the most: wait for one of them, or cancel one with `/cancel`."
        )
    return YES


def may_cancel(job: Job | None, asker: Asker) -> Decision:
    """Whether a job may be cancelled by this member: its asker, or a moderator of its channel.

    Nothing is told about jobs of other servers, not even that they exist.
    """
    if job is None or job.guild_id != asker.guild_id:
        return Decision("There is no such job here.")
    moderates = asker.moderator and job.channel_id == asker.channel_id
    if job.member_id != asker.member_id and not moderates:
        return Decision("Only the member who asked for it, or a moderator here, can cancel this.")
    if job.state.ended:
        return Decision(f"Job #{job.id} is no longer in the queue: it is {job.state}.")
    return YES
