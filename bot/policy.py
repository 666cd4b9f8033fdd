"""Who may do what with which job: pure functions that return decisions."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.decisions import YES, Decision, Reason, refuse
from core.i18n import gettext_noop
from core.job import Job, State
from core.recipe import Recipe
from core.sizes import Canvas, parse_size
from core.understanding.vocabulary import vocabulary_of

MAX_WAITING = 5
"""How many jobs one member may have in the queue, unless the server sets a limit."""

MAX_FILM_FRAMES = 120
"""How many frames a film may have, unless the server sets a limit."""

MIN_STEPS, MAX_STEPS = 10, 500

RATIOS = ("16:9", "9:16", "4:3", "3:4", "21:9")
"""Aspect ratios that are suggested; any other can be typed."""

_ENDED = {
    State.DONE: Reason.ALREADY_DONE,
    State.FAILED: Reason.ALREADY_FAILED,
    State.CANCELLED: Reason.ALREADY_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Size:
    """A size on offer, in pixels."""

    label: str
    """Contains `{size}`, which stands for the name."""
    width: int
    height: int

    @property
    def name(self) -> str:
        """Width and height, such as `64x64`."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Menu:
    """The sizes and steps that a model offers. The first size is the default.

    Any other size in multiples of the canvas's factor is available, too, with an area up to that of
    the last size.
    """

    sizes: tuple[Size, ...]
    canvas: Canvas
    """The square that aspect ratios are fitted to."""
    largest: int
    """Pixels on the longer side of an enlarged image."""
    steps: int
    """The default."""

    @property
    def suggested(self) -> tuple[Size, ...]:
        """The sizes, and the usual aspect ratios."""
        ratios = ((ratio, parse_size(ratio, self.canvas)) for ratio in RATIOS)
        return (*self.sizes, *(Size(f"{ratio} ({{size}})", *size) for ratio, size in ratios))


def _sizes(short: int, long: int) -> tuple[Size, ...]:
    return (
        Size(gettext_noop("Square ({size})"), short, short),
        Size(gettext_noop("Wide ({size})"), long, short),
        Size(gettext_noop("Tall ({size})"), short, long),
        Size(gettext_noop("Large square ({size})"), long, long),
    )


_MENUS = {
    "sketch": Menu(_sizes(64, 96), Canvas(64, 4), largest=256, steps=40),
    "picturebook": Menu(_sizes(192, 288), Canvas(192, 8), largest=768, steps=30),
}
_FULL_SIZE = Menu(_sizes(256, 384), Canvas(256, 16), largest=768, steps=300)


def menu(model: str) -> Menu:
    """What this model offers; all but the included models render at full size."""
    return _MENUS.get(model, _FULL_SIZE)


@dataclass(frozen=True, slots=True)
class Actor:
    """The member who runs a command or presses a button, and where."""

    member_id: int
    guild_id: int | None
    channel_id: int | None
    moderator: bool
    """Whether they may manage messages there."""
    age_restricted: bool = False
    """Whether the channel is age-restricted."""


def may_post(missing: Sequence[str]) -> Decision:
    """Whether the bot can post images in a channel, given the permissions that it lacks there."""
    return refuse(Reason.MISSING_PERMISSIONS, permissions=tuple(missing)) if missing else YES


def may_use(model: str | None, offered: Sequence[str]) -> Decision:
    """Whether a recipe's model is available; None stands for the default one."""
    if model is None or model in offered:
        return YES
    return refuse(Reason.MODEL_NOT_OFFERED, model=model, models=", ".join(offered))


def may_understand(recipe: Recipe, model: str) -> Decision:
    """Whether the model knows at least one of the include prompts."""
    vocabulary = vocabulary_of(model)
    if not vocabulary or recipe.include_images or recipe.initial:
        return YES
    known = (not vocabulary.understand(prompt.text).empty for prompt in recipe.include)
    return YES if any(known) else refuse(Reason.NOTHING_KNOWN)


def may_paint(recipe: Recipe, model: str, *, grown: bool = False) -> Decision:
    """Whether the recipe's size and steps are available.

    `grown` means that it repaints a part of an existing image of this size, which may already be
    larger than the sizes on offer.
    """
    offer = menu(model)
    if not (recipe.source or grown):
        if not (allowed := may_have_size(offer, recipe.width, recipe.height)):
            return allowed
    elif max(recipe.width, recipe.height) > offer.largest:
        return refuse(Reason.MAX_SIZE_REACHED, limit=offer.largest)
    if not MIN_STEPS <= recipe.steps <= MAX_STEPS:
        return refuse(Reason.STEPS_OUT_OF_RANGE, least=MIN_STEPS, most=MAX_STEPS)
    return YES


def may_have_size(offer: Menu, width: int, height: int) -> Decision:
    """Whether images of this size are available."""
    largest, factor = offer.sizes[-1], offer.canvas.factor
    if (
        width % factor == height % factor == 0
        and width * height <= largest.width * largest.height
        and max(width, height) <= offer.largest
    ):
        return YES
    sizes = ", ".join(size.name for size in offer.sizes)
    return refuse(Reason.SIZE_NOT_OFFERED, size=f"{width}x{height}", sizes=sizes, factor=factor)


def may_see(job: Job | None, actor: Actor) -> Decision:
    """Whether a member may look at a job and build on it: in its channel, or as its requester.

    Outside of servers, only its requester may, as nobody else sees the response. A refusal does not
    reveal whether a job exists elsewhere.
    """
    if job is None or job.deleted_at is not None:
        return refuse(Reason.JOB_NOT_VISIBLE)
    own = job.member_id == actor.member_id and actor.guild_id in (job.guild_id, None)
    here = (job.guild_id, job.channel_id) == (actor.guild_id, actor.channel_id)
    if own or (here and actor.guild_id is not None):
        return YES
    return refuse(Reason.JOB_NOT_VISIBLE)


def may_show(job: Job, actor: Actor, *, age_restricted: bool) -> Decision:
    """Whether a job that the member may see may be shown here.

    If it is age-restricted, only in such channels, and in the channel that its message is in.
    """
    if age_restricted and not actor.age_restricted and job.channel_id != actor.channel_id:
        return refuse(Reason.AGE_RESTRICTED_JOB, job=job.id)
    return YES


def may_delete(job: Job | None, actor: Actor) -> Decision:
    """Whether a member may delete a job's images: its requester, or a moderator of its channel."""
    decision = may_see(job, actor)
    if not decision or job is None:
        return decision
    if job.member_id != actor.member_id and not actor.moderator:
        return refuse(Reason.DELETE_NOT_ALLOWED)
    return YES


def may_stop(job: Job | None, actor: Actor) -> Decision:
    """Whether a member may end a running job early and keep its image."""
    decision = may_cancel(job, actor)
    if decision and job is not None and job.state is not State.RUNNING:
        return refuse(Reason.NOT_STARTED)
    return decision


def may_cancel(job: Job | None, actor: Actor) -> Decision:
    """Whether a member may cancel a job: its requester, or a moderator of its channel.

    A refusal does not reveal whether a job exists in another server.
    """
    own = job is not None and job.member_id == actor.member_id
    if job is None or (job.guild_id != actor.guild_id and not (own and actor.guild_id is None)):
        return refuse(Reason.JOB_NOT_FOUND)
    moderates = actor.moderator and job.channel_id == actor.channel_id
    if not own and not moderates:
        return refuse(Reason.CANCEL_NOT_ALLOWED)
    if ended := _ENDED.get(job.state):
        return refuse(ended, job=job.id)
    return YES
