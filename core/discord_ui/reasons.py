"""Why a job ended, in words for its member."""

from core.i18n import mark, say
from core.job import Reason, ReasonCode

_TEXTS: dict[str, str] = {
    ReasonCode.CANCELLED_BY: mark("Cancelled by {name}."),
    ReasonCode.CANCELLED_BY_MODERATOR: mark("Cancelled by {name}: {why}"),
    ReasonCode.QUEUE_CLEARED: mark("A moderator has cleared the queue."),
    ReasonCode.MEMBER_BLOCKED: mark("A moderator has cancelled this."),
    ReasonCode.DELETED_BY_MODERATOR: mark("A moderator has deleted it."),
    ReasonCode.TOO_MANY_ATTEMPTS: mark("The engine stopped 3 times while painting this."),
    ReasonCode.OUT_OF_MEMORY: mark("There is not enough memory to paint {size}: try {smaller}."),
    ReasonCode.OUT_OF_MEMORY_SEVERAL: mark(
        "There is not enough memory to paint {size}: try fewer pictures at once, or {smaller}."
    ),
    ReasonCode.DISK_FULL: mark(
        "The picture was painted, but the engine's disk is full, so it could not be kept. "
        "Whoever runs this bot must make room; then ask again."
    ),
    ReasonCode.INCIDENT: mark(
        "Something went wrong while this was painted, and it has been noted. If it happens "
        "again, tell whoever runs this bot the incident {incident}."
    ),
    ReasonCode.SOURCE_DELETED: mark(
        "The image that this would have started from was deleted by its owner."
    ),
    ReasonCode.UNREADABLE: mark(
        "The record of this job is damaged, so there will be no image. Please request it again."
    ),
}


def reason_text(reason: Reason) -> str:
    """A reason in the current language; empty for a code that only a newer version knows."""
    template = _TEXTS.get(reason.code) if reason.code else None
    try:
        sentence = say(template, **reason.params) if template else ""
    except KeyError:  # a parameter is missing
        sentence = ""
    return " ".join(filter(None, (sentence, reason.text)))
