"""Texts for members about a job, in the current language: notes, progress, and why it failed."""

import errno

import torch

from core.i18n import gettext, gettext_noop
from core.job import Progress, Reason, ReasonCode
from core.moderation import Pause
from core.recipe import Recipe
from core.sizes import MIN_SIDE
from core.storage.uploaded_images import ImageError
from engine.synthesis.output import Fault, StepOutput
from engine.synthesis.validation import Note, NoteCode, RecipeRefused, RefusalCode

NOTES = {
    NoteCode.TRUNCATED_WORDS: gettext_noop(
        "The prompt is too long for CLIP, which ignores these words: {words}."
    ),
    NoteCode.UNDERSTOOD_AS: gettext_noop("Painted as: {things}."),
    NoteCode.UNKNOWN_WORDS: gettext_noop("The model {model} doesn't know these words: {words}."),
    NoteCode.LOW_MEMORY: gettext_noop("Memory is tight at this size, so this takes longer."),
}

REFUSALS = {
    RefusalCode.SIZE: gettext_noop(
        "{size} doesn't work with the model {model}: both sides must be multiples of {factor}."
    ),
    RefusalCode.NO_KNOWN_WORD: gettext_noop(
        "The model {model} can't draw that. It knows these words: {words}."
    ),
    RefusalCode.NO_SOURCE: gettext_noop("The image that this should start from no longer exists."),
    RefusalCode.BAD_SOURCE: gettext_noop("The saved state belongs to another model."),
    RefusalCode.EMPTY_MASK: gettext_noop(
        "The mask is all black, so there's nothing to repaint. Make the part to repaint white."
    ),
}

FAULTS = {Fault.NOT_FINITE: gettext_noop("the calculation broke down (the loss is not a number)")}


def note_text(note: Note) -> str:
    return gettext(NOTES[note.code], **note.params)


def refusal_text(error: RecipeRefused) -> str:
    return gettext(REFUSALS[error.code], **error.params)


def fault_text(fault: Fault) -> str:
    clause = gettext(FAULTS[fault])
    return f"{clause[0].upper()}{clause[1:].rstrip('.')}."


def progress_of(output: StepOutput, seconds_left: float | None) -> Progress:
    """The numbers of a step."""
    return Progress(output.step, output.steps, output.include, output.exclude, seconds_left)


def early_end_text(output: StepOutput, *, stopped: bool) -> str:
    """Says that a job ended before its last step: its member stopped it, or it stopped early."""
    place = {"step": output.step, "steps": output.steps}
    if stopped:
        return gettext("Stopped at step {step} of {steps}.", **place)
    return gettext("Finished at step {step} of {steps}: more would not improve the image.", **place)


def paused_text(pause: Pause, step: int) -> str:
    """Says that the moderators or the host have paused a job."""
    why = f": {pause.reason.rstrip('.')}" if pause.reason else ""
    if pause.everywhere:
        return gettext(
            "Imagine is paused on all servers{why}. This image is at step {step}.",
            why=why,
            step=step,
        )
    return gettext(
        "The moderators have paused Imagine here{why}. This image is at step {step}.",
        why=why,
        step=step,
    )


def reason_for(error: Exception, recipe: Recipe, incident: str) -> Reason:
    """Why a job failed, without details of this machine."""
    if isinstance(error, RecipeRefused):
        return Reason(text=refusal_text(error))
    if isinstance(error, ImageError):
        return Reason(text=str(error))
    if out_of_memory(error):
        return _out_of_memory_reason(recipe)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Reason(ReasonCode.DISK_FULL)
    return Reason(ReasonCode.INCIDENT, {"incident": incident})


def out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, a GPU's or the machine's."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # The CPU's allocator raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def _out_of_memory_reason(recipe: Recipe) -> Reason:
    """Suggests a size that needs a quarter of the memory."""
    width, height = (
        max(MIN_SIDE, side // 2 // MIN_SIDE * MIN_SIDE) for side in (recipe.width, recipe.height)
    )
    several = recipe.count > 1
    return Reason(
        ReasonCode.OUT_OF_MEMORY_SEVERAL if several else ReasonCode.OUT_OF_MEMORY,
        {"size": recipe.size, "smaller": f"{width}x{height}"},
    )
