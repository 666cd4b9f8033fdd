"""The form behind the Edit button: a recipe, filled in, to be changed and asked for anew."""

import re
from collections.abc import Mapping

import discord

from bot import policy
from bot.components.modals import field, form, takes
from bot.errors import RefusedError
from bot.services.submission import Interaction, ask, seen
from core.i18n import mark, say
from core.job import Job
from core.prompts import MAX_PROMPT_LENGTH, format_prompts
from core.recipe import SEEDS, drawn_seed

STEPS = mark("Steps must be a whole number from {least} to {most}.")
SEED = mark("A seed must be a whole number from {least} to {most}.")


def edit_form(job: Job) -> discord.ui.Modal:
    """The recipe of a job, to be changed."""
    recipe, long = job.recipe, discord.TextStyle.paragraph
    include, exclude = format_prompts(recipe.include), format_prompts(recipe.exclude)
    needed = not recipe.include_pictures
    return form(
        say("Edit #{job}", job=job.id),
        f"edit:{job.id}",
        field(
            "include",
            say("Include"),
            include,
            longest=max(MAX_PROMPT_LENGTH, len(include)),
            style=long,
            required=needed,
        ),
        field(
            "exclude",
            say("Exclude"),
            exclude,
            longest=max(MAX_PROMPT_LENGTH, len(exclude)),
            style=long,
            required=False,
        ),
        field("size", say("Size"), recipe.size, longest=12),
        field("steps", say("Steps"), str(recipe.steps), longest=6),
        field("seed", say("Seed (empty: a new one)"), str(recipe.seed), longest=12, required=False),
    )


@takes("edit", r"[0-9]{1,18}")
async def _edited(interaction: Interaction, aside: str, texts: Mapping[str, str]) -> None:
    """Asks for another picture in the name of whoever has sent the form."""
    job = await seen(interaction, int(aside))
    seed = texts["seed"].strip()
    recipe = job.recipe.edited(
        texts["include"],
        texts["exclude"],
        texts["size"].replace("×", "x").replace(" ", ""),
        _number(texts["steps"], STEPS, policy.MIN_STEPS, policy.MAX_STEPS),
        _number(seed, SEED, 0, SEEDS - 1) if seed else drawn_seed(),
    )
    await ask(interaction, recipe, parent=job)


def _number(text: str, demand: str, least: int, most: int) -> int:
    """Raises RefusedError with the demand."""
    number = int(text) if re.fullmatch(r"\s*[0-9]{1,12}\s*", text) else -1
    if not least <= number <= most:
        raise RefusedError(say(demand, least=least, most=most))
    return number
