"""Decisions as data (yes, or no with a reason and its parameters), and the text of each reason.

The rules in `bot.policy` and `bot.limits` return decisions without text. The text is written when
a refusal is shown: in the member's language for the member, in English for the moderators' log.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any

from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop, ngettext


class Reason(StrEnum):
    """Why something is refused."""

    MISSING_PERMISSIONS = auto()
    NOTHING_KNOWN = auto()
    MAX_SIZE_REACHED = auto()
    MODEL_NOT_OFFERED = auto()
    SIZE_NOT_OFFERED = auto()
    STEPS_OUT_OF_RANGE = auto()
    JOB_NOT_VISIBLE = auto()
    JOB_HELD = auto()
    JOB_NOT_FOUND = auto()
    DELETE_NOT_ALLOWED = auto()
    CANCEL_NOT_ALLOWED = auto()
    NOT_STARTED = auto()
    ALREADY_DONE = auto()
    ALREADY_FAILED = auto()
    ALREADY_CANCELLED = auto()
    BLOCKED = auto()
    PAUSED = auto()
    WRONG_CHANNEL = auto()
    FORBIDDEN_WORD = auto()
    AGE_RESTRICTED_WORD = auto()
    AGE_RESTRICTED_SOURCE = auto()
    AGE_RESTRICTED_JOB = auto()
    SOMEONE_ELSES_IMAGE = auto()
    SIZE_LIMIT = auto()
    STEPS_LIMIT = auto()
    FILM_LIMIT = auto()
    NO_FILMS = auto()
    QUEUE_LIMIT = auto()
    HOURLY_LIMIT = auto()
    TOO_MANY_TOGETHER = auto()
    TOO_MANY_THIS_HOUR = auto()
    NOT_A_MEMBER = auto()
    TIMED_OUT = auto()
    MEMBERSHIP_UNKNOWN = auto()
    OWN_UPLOADS_WAITING = auto()
    UPLOADS_BUSY = auto()
    TOO_MANY_REJECTED_UPLOADS = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes, or no with a reason. A yes is truthy."""

    reason: Reason | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.reason is None

    @property
    def refusal(self) -> str:
        """The reason as a sentence in the current language; empty for a yes."""
        if self.reason is None:
            return ""
        if sentence := _SENTENCES.get(self.reason):
            return gettext(sentence, **self.parameters)
        return _COMPOSED[self.reason](**self.parameters)

    @property
    def logged(self) -> str:
        """The same for moderators, who also see which of their rules matched."""
        if self.reason not in _WITHHELD:
            return self.refusal
        parameters = {name: escape(value) for name, value in self.parameters.items()}
        return gettext("“{found}” matches the rule “{rule}”.", **parameters)


YES = Decision()


def refuse(reason: Reason, **parameters: Any) -> Decision:
    """A no for this reason."""
    return Decision(reason, parameters)


_WITHHELD = frozenset({Reason.FORBIDDEN_WORD, Reason.AGE_RESTRICTED_WORD})
"""Members don't see the details of these, which would help them get around the rule."""

_SENTENCES = {
    Reason.FORBIDDEN_WORD: gettext_noop(
        "This server doesn't allow this prompt. Please rephrase it."
    ),
    Reason.AGE_RESTRICTED_WORD: gettext_noop(
        "On this server, prompts like this are only allowed in age-restricted channels."
    ),
    Reason.MAX_SIZE_REACHED: gettext_noop(
        "It can't be made any larger. The limit is {limit} pixels per side."
    ),
    Reason.MODEL_NOT_OFFERED: gettext_noop(
        "The model {model} isn't available anymore. Available here: {models}."
    ),
    Reason.SIZE_NOT_OFFERED: gettext_noop(
        "{size} isn't available here. Choose {sizes}, or an aspect ratio such as 16:9; other sizes"
        " must be multiples of {factor} and no larger than these."
    ),
    Reason.NOTHING_KNOWN: gettext_noop(
        "I don't know how to paint that yet. Try one of these, or describe it in other words."
    ),
    Reason.STEPS_OUT_OF_RANGE: gettext_noop("Steps must be between {least} and {most}."),
    Reason.JOB_NOT_VISIBLE: gettext_noop(
        "That job doesn't exist here, or its images were deleted."
    ),
    Reason.JOB_HELD: gettext_noop(
        "A moderator will look at the image of #{job} before it's shown."
    ),
    Reason.JOB_NOT_FOUND: gettext_noop("That job doesn't exist here."),
    Reason.DELETE_NOT_ALLOWED: gettext_noop(
        "Only the member who requested it or a moderator can delete this."
    ),
    Reason.CANCEL_NOT_ALLOWED: gettext_noop(
        "Only the member who requested it or a moderator can cancel this."
    ),
    Reason.NOT_STARTED: gettext_noop(
        "It hasn't started yet, so there's nothing to keep. You can cancel it instead."
    ),
    Reason.ALREADY_DONE: gettext_noop("Job #{job} is already done."),
    Reason.ALREADY_FAILED: gettext_noop("Job #{job} has already failed."),
    Reason.ALREADY_CANCELLED: gettext_noop("Job #{job} is already cancelled."),
    Reason.AGE_RESTRICTED_SOURCE: gettext_noop(
        "This builds on an image from an age-restricted channel, so you can only request it in an"
        " age-restricted channel."
    ),
    Reason.AGE_RESTRICTED_JOB: gettext_noop(
        "Job #{job} comes from an age-restricted channel and can only be shown in one."
    ),
    Reason.SOMEONE_ELSES_IMAGE: gettext_noop(
        "This uses an image that someone else uploaded, and only they can reuse it. You can still"
        " vary or enlarge the result, or upload your own image with `/imagine`."
    ),
    Reason.SIZE_LIMIT: gettext_noop(
        "Your size limit on this server is {size}. Choose a smaller size."
    ),
    Reason.STEPS_LIMIT: gettext_noop("Your limit on this server is {steps} steps."),
    Reason.FILM_LIMIT: gettext_noop(
        "Your limit on this server is {frames} film frames. Choose a shorter film."
    ),
    Reason.NO_FILMS: gettext_noop("You can't make films on this server."),
    Reason.TOO_MANY_TOGETHER: gettext_noop(
        "This makes {n} requests, and you can have {limit} in the queue ({waiting} there now)."
    ),
    Reason.TOO_MANY_THIS_HOUR: gettext_noop(
        "This makes {n} requests. You can make {limit} within an hour, and you've already made"
        " {made}."
    ),
    Reason.NOT_A_MEMBER: gettext_noop(
        "This belongs to a server that you're no longer a member of, so you can't request images"
        " for it."
    ),
    Reason.TIMED_OUT: gettext_noop(
        "You're timed out on the server that this belongs to. Try again once that's over."
    ),
    Reason.MEMBERSHIP_UNKNOWN: gettext_noop(
        "I couldn't check whether you're still a member of the server that this belongs to. Try"
        " again in a minute."
    ),
    Reason.OWN_UPLOADS_WAITING: gettext_noop(
        "I'm still reading your other images. Try again once those requests are in the queue."
    ),
    Reason.UPLOADS_BUSY: gettext_noop(
        "I'm reading too many images right now. Try again in a minute, or leave the image out."
    ),
    Reason.TOO_MANY_REJECTED_UPLOADS: gettext_noop(
        "Too many of your images couldn't be read in the last hour. Try again later, or leave the"
        " image out."
    ),
}


def _missing_permissions(permissions: tuple[str, ...]) -> str:
    return gettext(
        "I can't post images in this channel because I'm missing permissions: {permissions}."
        " A server admin can grant them.",
        permissions=", ".join(map(gettext, permissions)),
    )


def _blocked(until: float | None, because: str | None) -> str:
    if until is None:
        sentence = gettext("You've been blocked from requesting images on this server.")
    else:
        sentence = gettext(
            "You've been blocked from requesting images on this server until {time}.",
            time=f"<t:{int(until)}:f>",
        )
    advice = gettext("If you think this is a mistake, contact a moderator.")
    return f"{sentence}{_because(because)} {advice}"


def _paused(because: str | None, everywhere: bool = False) -> str:
    sentence = gettext("Image requests are paused on this server.")
    if everywhere:
        sentence = gettext("Image requests are paused on all servers.")
    advice = gettext("Requests in the queue keep their place. Try again later.")
    return f"{sentence}{_because(because)} {advice}"


def _because(reason: str | None) -> str:
    return " " + gettext("Reason: {reason}.", reason=escape(reason)) if reason else ""


def _wrong_channel(channels: tuple[int, ...]) -> str:
    return gettext(
        "You can't request images in this channel. Try {channels}.",
        channels=gettext(" or ").join(f"<#{channel}>" for channel in channels),
    )


def _queue_limit(waiting: int, limit: int) -> str:
    return ngettext(
        "You already have 1 request in the queue (limit: {limit}). Wait for it, or cancel it with"
        " `/cancel`.",
        "You already have {n} requests in the queue (limit: {limit}). Wait for one of them, or"
        " cancel one with `/cancel`.",
        waiting,
        limit=limit,
    )


def _hourly_limit(requests: int, limit: int) -> str:
    return ngettext(
        "You've made 1 request in the last hour (limit: {limit}). Try again later. Failed jobs"
        " don't count, rejected files do.",
        "You've made {n} requests in the last hour (limit: {limit}). Try again later. Failed jobs"
        " don't count, rejected files do.",
        requests,
        limit=limit,
    )


_COMPOSED: dict[Reason, Callable[..., str]] = {
    Reason.MISSING_PERMISSIONS: _missing_permissions,
    Reason.BLOCKED: _blocked,
    Reason.PAUSED: _paused,
    Reason.WRONG_CHANNEL: _wrong_channel,
    Reason.QUEUE_LIMIT: _queue_limit,
    Reason.HOURLY_LIMIT: _hourly_limit,
}
