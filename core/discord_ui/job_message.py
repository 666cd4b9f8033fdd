"""How a job looks in a channel: a layout of components v2, built from the job alone.

Send it with `allowed_mentions=ALLOWED_MENTIONS`, so that members' text never pings anybody. Edit an
older message, which has an embed, with `content=None` and `embed=None`.
"""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import discord
from discord import ui

from core.description import Description
from core.discord_ui.job_buttons import button_rows, paint_button
from core.discord_ui.reasons import reason_text
from core.discord_ui.text import escape, strip_bidi_controls, truncate
from core.discord_ui.views import static_layout
from core.film import Film, Motion
from core.i18n import gettext, gettext_noop, ngettext, use_locale
from core.job import DeadLetter, Job, JobKind, Progress, Reason, ReasonCode, State
from core.pattern import Symmetry, Tile
from core.prompts import Prompt
from core.recipe import AN_IMAGE, ImagePrompt, Recipe
from core.repaint import Move, Repaint
from core.styles import style_label

ALLOWED_MENTIONS = discord.AllowedMentions.none()

BAR_WIDTH = 10  #: characters of the progress bar
MAX_REASON = 800  #: characters that are shown of a reason, and of notes
MAX_PROMPTS = 900  #: characters that are shown of the include prompts, and of the exclude prompts
MAX_NAME = 100  #: characters that are shown of the member's name

_LOOKS = {
    State.QUEUED: (gettext_noop("In the queue"), discord.Colour.light_grey()),
    State.RUNNING: (gettext_noop("Painting"), discord.Colour.blurple()),
    State.DONE: (gettext_noop("Painted"), discord.Colour.green()),
    State.FAILED: (gettext_noop("Failed"), discord.Colour.red()),
    State.CANCELLED: (gettext_noop("Cancelled"), discord.Colour.dark_grey()),
}
_DESCRIPTION_TITLES = {
    State.RUNNING: gettext_noop("Describing an image"),
    State.DONE: gettext_noop("Described"),
}
NOTHING_DESCRIBED = gettext_noop("I couldn't find a description that I can show here.")
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
_MOVES = {
    Move.ZOOM_OUT: gettext_noop("zoomed out"),
    Move.LEFT: gettext_noop("panned to the left"),
    Move.UP: gettext_noop("panned upwards"),
    Move.RIGHT: gettext_noop("panned to the right"),
    Move.DOWN: gettext_noop("panned downwards"),
}
MOTIONS: Mapping[str, str] = {
    Motion.ZOOM_IN: gettext_noop("zoom in"),
    Motion.ZOOM_OUT: gettext_noop("zoom out"),
    Motion.LEFT: gettext_noop("← to the left"),
    Motion.UP: gettext_noop("↑ upwards"),
    Motion.RIGHT: gettext_noop("→ to the right"),
    Motion.DOWN: gettext_noop("↓ downwards"),
    Motion.TURN_LEFT: gettext_noop("↺ turn left"),
    Motion.TURN_RIGHT: gettext_noop("↻ turn right"),
}
"""The names of a film's motions."""
Prompts = tuple[Prompt | ImagePrompt, ...]


@dataclass(frozen=True, slots=True)
class ShownImage:
    """An image of a job message: the URL of a file, such as `attachment://frame.webp`."""

    url: str
    description: str | None = None
    spoiler: bool = False


def job_message(
    job: Job,
    *,
    position: int | None = None,
    wait_seconds: float | None = None,
    progress: Progress | None = None,
    images: Sequence[ShownImage] = (),
    notes: Sequence[str] = (),
    descriptions: Sequence[Description] = (),
) -> ui.LayoutView:
    """The message of a job in its current state, in its member's language.

    `position` and `wait_seconds` belong to a queued job, `progress` to a running one. `images` are
    the newest frame, or the finished images; `notes` are msgids or texts. `descriptions` are the
    outcome of a job that describes an image.
    """
    with use_locale(job.locale):
        status = _status(job, position, wait_seconds, progress)
        if job.kind is JobKind.DESCRIPTION:
            if job.state is State.DONE and not descriptions:
                status = gettext(NOTHING_DESCRIBED)
            shown = [_described(job, row, each) for row, each in enumerate(descriptions)]
            return _layout(job.state, [status], shown, [f"-# {_footer(job)}"], job)
        lines = [status, *prompt_lines(job.recipe)]
        note = escape(" ".join(map(gettext, notes)), MAX_REASON)
        texts = [gettext("**Note** {text}", text=note)] if note else []
        return _layout(job.state, lines, _gallery(images), [*texts, *_small_print(job)], job)


def unreadable_message(letter: DeadLetter, images: Sequence[ShownImage] = ()) -> ui.LayoutView:
    """The message of a job whose row cannot be read, in its member's language.

    `images` are those that it showed before.
    """
    with use_locale(letter.locale):
        reason = reason_text(Reason(ReasonCode.UNREADABLE))
        line = gettext(BUTTONS_GONE) if letter.shows_images else reason
        return _layout(State.FAILED, [line], _gallery(images), [f"-# #{letter.id}"])


def link_message(text: str) -> ui.LayoutView:
    """What replaces a job message that continues elsewhere."""
    return static_layout([ui.TextDisplay(text)])


def _layout(
    state: State,
    lines: Sequence[str],
    gallery: Iterable[ui.Item[ui.LayoutView]],
    below: Sequence[str],
    job: Job | None = None,
) -> ui.LayoutView:
    title = state_name(state, job.kind if job else JobKind.IMAGE)
    head = "\n".join(filter(None, [f"### {title}", *lines]))
    shown = (*gallery, *map(ui.TextDisplay[ui.LayoutView], below))
    rows = [ui.ActionRow[ui.LayoutView](*row) for row in button_rows(job)] if job else []
    colour = _LOOKS[state][1]
    return static_layout([ui.Container(ui.TextDisplay(head), *shown, *rows, accent_colour=colour)])


def _gallery(images: Sequence[ShownImage]) -> Iterator[ui.MediaGallery[ui.LayoutView]]:
    items = [
        discord.MediaGalleryItem(image.url, description=image.description, spoiler=image.spoiler)
        for image in images
    ]
    if items:
        yield ui.MediaGallery(*items)


def _described(job: Job, row: int, description: Description) -> ui.Section[ui.LayoutView]:
    """A prompt with the button that paints it; a spoiler if the image was one."""
    prompt = escape(description.prompt, MAX_PROMPTS)
    text = f"||{prompt}||" if job.spoilered else f"**{prompt}**"
    similarity = gettext("similarity {similarity}", similarity=f"{description.similarity:.2f}")
    return ui.Section(f"{text}\n-# {similarity}", accessory=paint_button(job.id, row))


def state_name(state: State, kind: JobKind = JobKind.IMAGE) -> str:
    """The name of a state."""
    if kind is JobKind.DESCRIPTION and state in _DESCRIPTION_TITLES:
        return gettext(_DESCRIPTION_TITLES[state])
    return gettext(_LOOKS[state][0])


def progress_bar(progress: Progress) -> str:
    """The progress as ten blocks."""
    filled = BAR_WIDTH * progress.step // progress.steps
    return "█" * filled + "░" * (BAR_WIDTH - filled)


def progress_text(progress: Progress) -> str:
    """The progress and, if it is known, the remaining time::

    `████░░░░░░` 40 % · about 2 min left
    """
    parts = [f"`{progress_bar(progress)}` {100 * progress.step // progress.steps} %"]
    if progress.seconds_left is not None:
        parts.append(gettext("{time} left", time=duration_text(progress.seconds_left)))
    return " · ".join(parts)


def duration_text(seconds: float) -> str:
    """An approximate duration: `about 40 s`, `about 3 min`, `about 2 h`."""
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
            if wait_seconds is None:
                return place
            return f"{place} · " + gettext("starts in {time}", time=duration_text(wait_seconds))
        case State.RUNNING if job.kind is JobKind.DESCRIPTION:
            return gettext("Looking for words that fit. The first time takes a minute or two.")
        case State.RUNNING:
            return progress_text(progress) if progress else gettext("Just started.")
        case State.DONE:
            return _ready(job)
        case State.FAILED | State.CANCELLED:
            return escape(reason_text(job.reason), MAX_REASON) if job.reason else ""


def _ready(job: Job) -> str:
    """How long rendering took, and at which step it ended if that was not the last one."""
    seconds = "" if job.seconds is None else f"{job.seconds:.0f}"
    if not seconds:
        return ""
    if 0 < job.step < job.recipe.steps:
        return gettext(
            "Ready after {n} s, at step {step} of {steps}.",
            n=seconds,
            step=job.step,
            steps=job.recipe.steps,
        )
    return gettext("Ready after {n} s.", n=seconds)


def prompt_lines(recipe: Recipe) -> Iterator[str]:
    """A line of include prompts and, if there are any, one of exclude prompts."""
    included: Prompts = (*recipe.include, *recipe.include_images)
    separators = (" → " if isinstance(p, Prompt) and p.scene > 1 else " · " for p in included)
    joined = "".join(map(operator.add, separators, map(_prompt, included))).removeprefix(" · ")
    yield gettext("**Include** {prompts}", prompts=truncate(joined, MAX_PROMPTS))
    excluded: Prompts = (*recipe.exclude, *recipe.exclude_images)
    if excluded:
        joined = " · ".join(map(_prompt, excluded))
        yield gettext("**Exclude** {prompts}", prompts=truncate(joined, MAX_PROMPTS))


def _prompt(prompt: Prompt | ImagePrompt) -> str:
    """A prompt as the message shows it: images are in italics, which members' text never is."""
    if isinstance(prompt, Prompt):
        place = f"{prompt.region}: " if prompt.region and prompt.scene < 2 else ""
        text = place + escape(prompt.text)
    else:
        text = f"*{gettext(AN_IMAGE)}*"
    return text if prompt.weight == 1 else f"{text} ×{prompt.weight:g}"


def _small_print(job: Job) -> Iterator[str]:
    if job.state is State.DONE and job.recipe.count > 1 and not (job.deleted_at or job.held):
        yield "-# " + gettext("**U** upscales an image, **V** makes variations of it.")
    yield f"-# {_footer(job)}"


def _footer(job: Job) -> str:
    name = escape(strip_bidi_controls(job.member_name).replace("\n", " "), MAX_NAME)
    requested = gettext("requested by {name}", name=name)
    if job.kind is JobKind.DESCRIPTION:
        return f"#{job.id} · {requested}"
    recipe = job.recipe
    parts = [
        f"#{job.id}",
        f"{recipe.width}×{recipe.height}",
        ngettext("{n} step", "{n} steps", recipe.steps),
        gettext("seed {seed}", seed=recipe.seed),
    ]
    if recipe.model:
        parts.append(recipe.model)
    if recipe.count > 1:
        parts.append(ngettext("{n} image", "{n} images", recipe.count))
    if recipe.repaint:
        parts.append(_part(recipe.repaint))
    elif recipe.initial:
        parts.append(gettext("from an image, strength {strength}", strength=f"{recipe.strength:g}"))
    if source := recipe.source:
        place = {"job": source.job, "n": source.row + 1}
        if source.spread:
            spread = f"{source.spread:g}"
            parts.append(
                gettext("from #{job}, image {n}, varied by {spread}", spread=spread, **place)
            )
        else:
            parts.append(gettext("from #{job}, image {n}", **place))
    if recipe.film:
        parts.append(gettext("film: {film}", film=_film(recipe.film)))
    if recipe.tile:
        parts.append(gettext(_TILES[recipe.tile]))
    if recipe.symmetry:
        parts.append(gettext(_SYMMETRIES[recipe.symmetry]))
    if recipe.palette:
        parts.append(ngettext("{n} colour", "{n} colours", len(recipe.palette)))
    if recipe.preset:
        parts.append(escape(style_label(recipe.preset)))
    parts.append(requested)
    return " · ".join(parts)


def recipe_details(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Names and values of the recipe's special options, for an image's details."""
    if recipe.tile:
        yield gettext("Pattern"), gettext(_TILES[recipe.tile])
    if recipe.symmetry:
        yield gettext("Symmetry"), gettext(_SYMMETRIES[recipe.symmetry])
    if recipe.palette:
        yield gettext("Palette"), " ".join(recipe.palette)
    if recipe.repaint:
        yield gettext("Part"), _part(recipe.repaint)
    if recipe.film:
        yield gettext("Film"), _film(recipe.film)


def _film(film: Film) -> str:
    return gettext("{motion}, {n} frames", motion=gettext(MOTIONS[film.motion]), n=film.frames)


def _part(repaint: Repaint) -> str:
    """Which part of an image was repainted."""
    if repaint.move:
        return gettext(_MOVES[repaint.move])
    if repaint.mask:
        return gettext("repainted where the mask is white")
    return gettext("repainted: {regions}", regions=", ".join(map(str, repaint.regions)))
