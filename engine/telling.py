"""What members are told of a job: how far it is, and why it could not be painted."""

import errno

import torch

from core.i18n import mark, say
from core.job import Progress
from core.recipe import MIN_SIDE, Recipe
from core.storage.uploaded_images import PictureRefused
from engine.synthesis.renderer import Iteration, RecipeRefused

DISK_FULL = mark(
    "The picture was painted, but the engine's disk is full, so it could not be kept. "
    "Whoever runs this bot must make room; then ask again."
)


def progress_of(iteration: Iteration, seconds_per_step: float | None) -> Progress:
    """The numbers of a step as the card shows them."""
    prompts = iteration.prompts
    totals = {True: 0.0, False: 0.0}
    for prompt in prompts:
        totals[prompt.weight > 0] += abs(prompt.weight)
    left = iteration.steps - iteration.step
    return Progress(
        step=iteration.step,
        steps=iteration.steps,
        include=iteration.include,
        exclude=iteration.exclude,
        shares=tuple(
            abs(prompt.weight) * prompt.similarity / totals[prompt.weight > 0] for prompt in prompts
        ),
        seconds_left=None if seconds_per_step is None else left * seconds_per_step,
    )


def sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:].rstrip('.')}."


def reason_for(error: Exception, recipe: Recipe, incident: str) -> str:
    """One sentence for the asker about what kept their picture from being painted."""
    if isinstance(error, RecipeRefused | PictureRefused):
        return str(error)
    if out_of_memory(error):
        return _smaller(recipe)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return say(DISK_FULL)
    return say(
        "Something went wrong while this was painted, and it has been noted. If it happens "
        "again, tell whoever runs this bot the incident {incident}.",
        incident=incident,
    )


def out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, a GPU's or the machine's."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # The allocator of the CPU raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def _smaller(recipe: Recipe) -> str:
    """Offers a wish that needs a quarter of the memory."""
    width, height = (
        max(MIN_SIDE, side // 2 // MIN_SIDE * MIN_SIDE) for side in (recipe.width, recipe.height)
    )
    sizes = {"size": recipe.size, "smaller": f"{width}x{height}"}
    if recipe.count > 1:
        return say(
            "There is not enough memory to paint {size}: try fewer pictures at once, or {smaller}.",
            **sizes,
        )
    return say("There is not enough memory to paint {size}: try {smaller}.", **sizes)
