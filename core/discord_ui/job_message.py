"""How a job looks in a channel: an embed and buttons, built from the job alone.

Send cards with `allowed_mentions=ALLOWED_MENTIONS`: what a member typed never pings anybody.
"""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import discord

from core.discord_ui.job_buttons import buttons
from core.discord_ui.reasons import reason_text
from core.discord_ui.text import escape, strip_bidi_controls, truncate
from core.i18n import gettext, gettext_noop, ngettext, use_locale
from core.job import DeadLetter, Job, Progress, Reason, ReasonCode, State
from core.pattern import Symmetry, Tile
from core.prompts import Prompt
from core.recipe import A_PICTURE, PicturePrompt, Recipe

ALLOWED_MENTIONS = discord.AllowedMentions.none()

BAR_WIDTH = 10  #: characters of the progress bar
MAX_REASON = 1000  #: characters of a reason that are shown
MAX_NAME = 100  #: characters of the asker's name that are shown

_LOOKS = {
    State.QUEUED: (gettext_noop("In the queue"), discord.Colour.light_grey()),
    State.RUNNING: (gettext_noop("Painting"), discord.Colour.blurple()),
    State.DONE: (gettext_noop("Painted"), discord.Colour.green()),
    State.FAILED: (gettext_noop("Failed"), discord.Colour.red()),
    State.CANCELLED: (gettext_noop("Cancelled"), discord.Colour.dark_grey()),
}
_TILES = {
    Tile.BOTH: gettext_noop("seamless"),
    Tile.ACROSS: gettext_noop("seamless from left to right"),
    Tile.DOWN: gettext_noop("seamless from top to bottom"),
}
_SYMMETRIES = {
    Symmetry.LEFT_RIGHT: gettext_noop("mirrored left to right"),
    Symmetry.TOP_BOTTOM: gettext_noop("mirrored top to bottom"),
    Symmetry.BOTH: gettext_noop("mirrored both ways"),
    Symmetry.HALF_TURN: gettext_noop("the same upside down"),
    Symmetry.QUARTER_TURN: gettext_noop("the same when turned by 90°"),
}
BUTTONS_GONE = gettext_noop(
    "The record of this job is damaged, so its buttons no longer work. To change the image, please"
    " request it again."
)
Prompts = tuple[Prompt | PicturePrompt, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """What to send or edit a message with: `embed=card.embed, view=card.view`."""

    embed: discord.Embed
    view: discord.ui.View | None


def card(
    job: Job,
    *,
    position: int | None = None,
    wait_seconds: float | None = None,
    progress: Progress | None = None,
    picture: str | None = None,
) -> Card:
    """The card of a job in its present state, in its asker's language.

    `position` and `wait_seconds` belong to a queued job, `progress` to a running one. `picture`
    is the file name of the attachment to show in the embed: the newest frame, or the painted
    picture. Of several painted pictures name none; Discord shows them side by side.
    """
    with use_locale(job.locale):
        lines = [_status(job, position, wait_seconds, progress), *_prompts(job.recipe, progress)]
        embed = discord.Embed(
            title=state_name(job.state),
            colour=_LOOKS[job.state][1],
            description="\n".join(filter(None, lines)),
            timestamp=datetime.fromtimestamp(job.created_at, UTC),
        )
        embed.set_footer(text=_footer(job))
        if picture and not job.spoilered:  # an embed would show it
            embed.set_image(url=f"attachment://{picture}")
        return Card(embed, buttons(job))


def dead_letter_card(letter: DeadLetter) -> Card:
    """The card of a job whose row cannot be read, in its member's language."""
    with use_locale(letter.locale):
        embed = discord.Embed(
            title=state_name(State.FAILED),
            colour=_LOOKS[State.FAILED][1],
            description=gettext(BUTTONS_GONE)
            if letter.shows_images
            else reason_text(Reason(ReasonCode.UNREADABLE)),
        )
        embed.set_footer(text=f"#{letter.id}")
        return Card(embed, None)


def state_name(state: State) -> str:
    """What a state is called."""
    return gettext(_LOOKS[state][0])


def progress_line(progress: Progress) -> str:
    """One line of numbers, always in this form (exclude and time left only where known)::

        ████░░░░░░ step 60/150 · include 0.312 · exclude 0.041 · left 1:15

    The time left is minutes and seconds.
    """
    filled = BAR_WIDTH * progress.step // progress.steps
    bar = "█" * filled + "░" * (BAR_WIDTH - filled)
    parts = [
        bar + " " + gettext("step {step}/{steps}", step=progress.step, steps=progress.steps),
        gettext("include {similarity}", similarity=f"{progress.include:.3f}"),
    ]
    if progress.exclude is not None:
        parts.append(gettext("exclude {similarity}", similarity=f"{progress.exclude:.3f}"))
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        parts.append(gettext("left {time}", time=f"{minutes}:{seconds:02}"))
    return " · ".join(parts)


def about(seconds: float) -> str:
    """A duration as one says it: `about 40 s`, `about 3 min`, `about 2 h`."""
    if seconds < 90:
        return gettext("about {n} s", n=max(1, round(seconds)))
    if seconds < 90 * 60:
        return gettext("about {n} min", n=round(seconds / 60))
    return gettext("about {n} h", n=round(seconds / 3600))


def _status(
    job: Job, position: int | None, wait_seconds: float | None, progress: Progress | None
) -> str:
    match job.state:
        case State.QUEUED:
            place = gettext("Position {n}", n=position) if position else gettext("Waiting")
            return f"{place} · {about(wait_seconds)}" if wait_seconds is not None else place
        case State.RUNNING:
            return f"`{progress_line(progress)}`" if progress else gettext("Just begun.")
        case State.DONE:
            seconds = job.seconds
            return "" if seconds is None else gettext("Ready after {n} s.", n=f"{seconds:.0f}")
        case State.FAILED | State.CANCELLED:
            return escape(reason_text(job.reason), MAX_REASON) if job.reason else ""


def _prompts(recipe: Recipe, progress: Progress | None) -> Iterator[str]:
    """A line of include prompts and, if there are any, one of exclude prompts."""
    included: Prompts = (*recipe.include, *recipe.include_pictures)
    everything = (*included, *recipe.exclude, *recipe.exclude_pictures)
    shares: list[float | None] = [None] * len(everything)
    if progress and len(progress.shares) == len(everything):
        shares = list(progress.shares)
    shown = [_prompt(*pair) for pair in zip(everything, shares, strict=True)]
    border = len(included)
    separators = (" → " if isinstance(p, Prompt) and p.scene > 1 else " · " for p in included)
    joined = "".join(map(operator.add, separators, shown[:border])).removeprefix(" · ")
    yield gettext("**Include** {prompts}", prompts=joined)
    if shown[border:]:
        yield gettext("**Exclude** {prompts}", prompts=" · ".join(shown[border:]))


def _prompt(prompt: Prompt | PicturePrompt, share: float | None) -> str:
    """Pictures in italics, which no text of a member is."""
    text = escape(prompt.text) if isinstance(prompt, Prompt) else f"*{gettext(A_PICTURE)}*"
    weight = "" if prompt.weight == 1 else f" ×{prompt.weight:g}"
    return f"{text}{weight}" + ("" if share is None else f" ({share:+.3f})")


def _footer(job: Job) -> str:
    recipe = job.recipe
    parts = [
        f"#{job.id}",
        f"{recipe.width}×{recipe.height}",
        ngettext("{n} step", "{n} steps", recipe.steps),
        gettext("seed {seed}", seed=recipe.seed),
    ]
    if recipe.count > 1:
        parts.append(ngettext("{n} picture", "{n} pictures", recipe.count))
    if recipe.initial:
        parts.append(
            gettext("from a picture, strength {strength}", strength=f"{recipe.strength:g}")
        )
    if source := recipe.source:
        place = {"job": source.job, "n": source.row + 1}
        if source.spread:
            spread = f"{source.spread:g}"
            parts.append(
                gettext("from #{job}, picture {n}, varied by {spread}", spread=spread, **place)
            )
        else:
            parts.append(gettext("from #{job}, picture {n}", **place))
    if recipe.tile:
        parts.append(gettext(_TILES[recipe.tile]))
    if recipe.symmetry:
        parts.append(gettext(_SYMMETRIES[recipe.symmetry]))
    if recipe.palette:
        parts.append(ngettext("{n} colour", "{n} colours", len(recipe.palette)))
    if recipe.preset:
        parts.append(gettext(recipe.preset))
    name = truncate(strip_bidi_controls(job.member_name), MAX_NAME)
    parts.append(gettext("requested by {name}", name=name))
    return " · ".join(parts)
