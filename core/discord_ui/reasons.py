"""The text of the reason why a job ended, for its member."""

from core.i18n import gettext, gettext_noop
from core.job import Reason, ReasonCode

_TEXTS: dict[str, str] = {
    ReasonCode.CANCELLED_BY: gettext_noop("Cancelled by {name}."),
    ReasonCode.CANCELLED_BY_MODERATOR: gettext_noop("Cancelled by {name}: {why}"),
    ReasonCode.QUEUE_CLEARED: gettext_noop("A moderator cleared the queue."),
    ReasonCode.MEMBER_BLOCKED: gettext_noop("A moderator cancelled this."),
    ReasonCode.DELETED_BY_MODERATOR: gettext_noop("A moderator deleted this."),
    ReasonCode.TOO_MANY_ATTEMPTS: gettext_noop(
        "The engine stopped 3 times while working on this, so it won't be tried again."
    ),
    ReasonCode.OUT_OF_MEMORY: gettext_noop("There isn't enough memory for {size}. Try {smaller}."),
    ReasonCode.OUT_OF_MEMORY_SEVERAL: gettext_noop(
        "There isn't enough memory for {size}. Try fewer images at once, or {smaller}."
    ),
    ReasonCode.DISK_FULL: gettext_noop(
        "The image was finished, but the disk is full, so it couldn't be saved. Please request it"
        " again once whoever runs this bot has made room."
    ),
    ReasonCode.INCIDENT: gettext_noop(
        "Something went wrong while creating this image, and it has been logged. If it happens"
        " again, give incident {incident} to whoever runs this bot."
    ),
    ReasonCode.SOURCE_DELETED: gettext_noop(
        "The image that this would have started from was deleted by its owner."
    ),
    ReasonCode.IMAGE_REFUSED: gettext_noop(
        "The finished image seems to show something that isn't allowed here, so it was deleted."
    ),
    ReasonCode.UNREADABLE: gettext_noop(
        "The record of this job is damaged, so there will be no image. Please request it again."
    ),
}


def reason_text(reason: Reason) -> str:
    """A reason in the current language; empty for a code that only a newer version knows."""
    template = _TEXTS.get(reason.code) if reason.code else None
    try:
        sentence = gettext(template, **reason.params) if template else ""
    except KeyError:  # a parameter is missing
        sentence = ""
    return " ".join(filter(None, (sentence, reason.text)))
