"""Who may ask for what, free of Discord's objects: plain values in, a decision out."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.i18n import mark, say
from core.job import Job, State
from core.recipe import Recipe

MAX_WAITING = 5
"""Jobs that one member may have waiting in a server that has no limits of its own."""

MIN_STEPS, MAX_STEPS = 10, 500

NOT_HERE = mark("There is no such job here, or its pictures were deleted.")
ENDED = {
    State.DONE: mark("Job #{job} is no longer in the queue: it is done."),
    State.FAILED: mark("Job #{job} is no longer in the queue: it has failed."),
    State.CANCELLED: mark("Job #{job} is no longer in the queue: it is cancelled."),
}


@dataclass(frozen=True, slots=True)
class Size:
    """A size on the menu, in pixels."""

    label: str
    """With a place for its name."""
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
    largest: int
    """Pixels on the longer side of a picture that was painted on at twice its size."""
    steps: int
    """Steps where nobody names any."""


def _sizes(short: int, long: int) -> tuple[Size, ...]:
    return (
        Size(mark("Square ({size})"), short, short),
        Size(mark("Wide ({size})"), long, short),
        Size(mark("Tall ({size})"), short, long),
        Size(mark("Large square ({size})"), long, long),
    )


_SKETCH = Menu(_sizes(64, 96), largest=256, steps=100)
_FULL_SIZE = Menu(_sizes(256, 384), largest=768, steps=300)


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
        return Decision(
            say(
                "I cannot show pictures in this channel: here I lack the permission {needed}."
                " Whoever manages this server can grant it.",
                needed=say(" and ").join(missing),
            )
        )
    return YES


def may_paint(recipe: Recipe, pair: str) -> Decision:
    """Whether a recipe is on the menu of the pair."""
    largest, known = menu(pair).largest, [size.name for size in menu(pair).sizes]
    if recipe.source and max(recipe.width, recipe.height) <= largest:
        pass  # it was on the menu once, and has grown since
    elif recipe.source:
        return Decision(
            say("It cannot become larger: {most} pixels a side are the most here.", most=largest)
        )
    elif recipe.size not in known:
        return Decision(
            say(
                "Pictures of {size} are not painted here: choose one of {sizes}.",
                size=recipe.size,
                sizes=", ".join(known),
            )
        )
    if not MIN_STEPS <= recipe.steps <= MAX_STEPS:
        return Decision(say("Steps can be {least} to {most}.", least=MIN_STEPS, most=MAX_STEPS))
    return YES


def may_see(job: Job | None, asker: Asker) -> Decision:
    """Whether a member may look at a job and make others of it: in its channel, or as its asker.

    Nothing is told about jobs elsewhere, not even that they exist.
    """
    if job is None or job.deleted_at is not None:
        return Decision(say(NOT_HERE))
    own = job.member_id == asker.member_id and asker.guild_id in (job.guild_id, None)
    if own or (job.guild_id, job.channel_id) == (asker.guild_id, asker.channel_id):
        return YES
    return Decision(say(NOT_HERE))


def may_delete(job: Job | None, asker: Asker) -> Decision:
    """Whether a member may delete a job's pictures: its asker, or a moderator of its channel."""
    seen = may_see(job, asker)
    if not seen or job is None:
        return seen
    if job.member_id != asker.member_id and not asker.moderator:
        return Decision(
            say("Only the member who asked for it, or a moderator here, can delete this.")
        )
    return YES


def may_stop(job: Job | None, asker: Asker) -> Decision:
    """Whether a member may end a job with what is there: as with cancelling, but only running."""
    decision = may_cancel(job, asker)
    if decision and job is not None and job.state is not State.RUNNING:
        return Decision(say("It has not begun yet: there is nothing to keep. You can cancel it."))
    return decision


def may_cancel(job: Job | None, asker: Asker) -> Decision:
    """Whether a job may be cancelled by this member: its asker, or a moderator of its channel.

    Nothing is told about jobs of other servers, not even that they exist.
    """
    own = job is not None and job.member_id == asker.member_id
    if job is None or (job.guild_id != asker.guild_id and not (own and asker.guild_id is None)):
        return Decision(say("There is no such job here."))
    moderates = asker.moderator and job.channel_id == asker.channel_id
    if not own and not moderates:
        return Decision(
            say("Only the member who asked for it, or a moderator here, can cancel this.")
        )
    if ended := ENDED.get(job.state):
        return Decision(say(ended, job=job.id))
    return YES
