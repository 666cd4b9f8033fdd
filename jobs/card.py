"""How a job looks in a channel: an embed and a Cancel button, built from the job alone.

Send cards with `allowed_mentions=ALLOWED_MENTIONS`: what a member typed never pings anybody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import discord

from jobs.job import Job, Progress, State
from jobs.recipe import A_PICTURE, PicturePrompt, Prompt, Recipe

ALLOWED_MENTIONS = discord.AllowedMentions.none()

CANCEL_ID = r"imagine:cancel:(?P<job_id>[0-9]{1,18})"
"""What the custom id of a Cancel button looks like, for the DynamicItem that answers it."""

BAR_WIDTH = 10  #: characters of the progress bar
MAX_REASON = 1000  #: characters of a reason that are shown
MAX_NAME = 100  #: characters of the asker's name that are shown

_LOOKS = {
    State.QUEUED: ("In the queue", discord.Colour.light_grey()),
    State.RUNNING: ("Painting", discord.Colour.blurple()),
    State.DONE: ("Painted", discord.Colour.green()),
    State.FAILED: ("Not painted", discord.Colour.red()),
    State.CANCELLED: ("Cancelled", discord.Colour.dark_grey()),
}
Prompts = tuple[Prompt | PicturePrompt, ...]

_MARKDOWN = re.compile(r"[\\*_~|`\[<]")


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
    """The card of a job in its present state.

    `position` and `wait_seconds` belong to a queued job, `progress` to a running one. `picture`
    is the file name of the attachment to show in the embed: the newest frame, or the painted
    picture. Of several painted pictures name none; Discord shows them side by side.
    """
    title, colour = _LOOKS[job.state]
    lines = [_status(job, position, wait_seconds, progress), *_prompts(job.recipe, progress)]
    embed = discord.Embed(
        title=title,
        colour=colour,
        description="\n".join(filter(None, lines)),
        timestamp=datetime.fromtimestamp(job.created_at, UTC),
    )
    embed.set_footer(text=_footer(job))
    if picture:
        embed.set_image(url=f"attachment://{picture}")
    return Card(embed, None if job.state.ended else cancel_view(job.id))


def cancel_view(job_id: int) -> discord.ui.View:
    """The Cancel button alone. `bot.buttons` answers it, also after a restart."""
    view = discord.ui.View(timeout=None)
    view.add_item(
        discord.ui.Button(
            label="Cancel",
            style=discord.ButtonStyle.secondary,
            custom_id=f"imagine:cancel:{job_id}",
        )
    )
    view.stop()  # it is only drawn here: discord.py need not listen for it
    return view


def progress_line(progress: Progress) -> str:
    """One line of numbers, always in this form (exclude and time left only where known)::

        ████░░░░░░ step 60/150 · include 0.312 · exclude 0.041 · left 1:15

    The time left is minutes and seconds.
    """
    filled = BAR_WIDTH * progress.step // progress.steps
    parts = [
        f"{'█' * filled}{'░' * (BAR_WIDTH - filled)} step {progress.step}/{progress.steps}",
        f"include {progress.include:.3f}",
    ]
    if progress.exclude is not None:
        parts.append(f"exclude {progress.exclude:.3f}")
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        parts.append(f"left {minutes}:{seconds:02}")
    return " · ".join(parts)


def escaped(text: str) -> str:
    """A member's text, shown letter by letter: no markdown, links, mentions or timestamps.

    Meant for the middle of a line. (`discord.utils.escape_markdown` leaves markdown inside of
    `[masked](links)` alone.)
    """
    return _MARKDOWN.sub(r"\\\g<0>", discord.utils.escape_mentions(text))


def about(seconds: float) -> str:
    """A duration as one says it: `about 40 s`, `about 3 min`, `about 2 h`."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"


def _status(
    job: Job, position: int | None, wait_seconds: float | None, progress: Progress | None
) -> str:
    match job.state:
        case State.QUEUED:
            place = f"Position {position}" if position else "Waiting"
            return f"{place} · {about(wait_seconds)}" if wait_seconds is not None else place
        case State.RUNNING:
            return f"`{progress_line(progress)}`" if progress else "Just begun."
        case State.DONE:
            return f"Ready after {job.seconds:.0f} s." if job.seconds is not None else ""
        case State.FAILED | State.CANCELLED:
            return _cut(escaped(job.reason or ""), MAX_REASON)


def _prompts(recipe: Recipe, progress: Progress | None) -> Iterator[str]:
    """A line of include prompts and, if there are any, one of exclude prompts."""
    included: Prompts = (*recipe.include, *recipe.include_pictures)
    everything = (*included, *recipe.exclude, *recipe.exclude_pictures)
    shares: list[float | None] = [None] * len(everything)
    if progress and len(progress.shares) == len(everything):
        shares = list(progress.shares)
    shown = [_prompt(*pair) for pair in zip(everything, shares, strict=True)]
    border = len(included)
    yield f"**Include** {' · '.join(shown[:border])}"
    if shown[border:]:
        yield f"**Exclude** {' · '.join(shown[border:])}"


def _prompt(prompt: Prompt | PicturePrompt, share: float | None) -> str:
    """Pictures in italics, which no text of a member is."""
    text = escaped(prompt.text) if isinstance(prompt, Prompt) else f"*{A_PICTURE}*"
    weight = "" if prompt.weight == 1 else f" ×{prompt.weight:g}"
    return f"{text}{weight}" + ("" if share is None else f" ({share:+.3f})")


def _footer(job: Job) -> str:
    recipe = job.recipe
    parts = [
        f"#{job.id}",
        f"{recipe.width}×{recipe.height}",
        f"{recipe.steps} steps",
        f"seed {recipe.seed}",
    ]
    if recipe.count > 1:
        parts.append(f"{recipe.count} pictures")
    if recipe.initial:
        parts.append(f"from a picture, strength {recipe.strength:g}")
    if recipe.source:
        varied = f", varied by {recipe.source.spread:g}" if recipe.source.spread else ""
        parts.append(f"from #{recipe.source.job}, picture {recipe.source.row + 1}{varied}")
    if recipe.preset:
        parts.append(recipe.preset)
    return " · ".join([*parts, f"asked by {_cut(job.member_name, MAX_NAME)}"])


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
