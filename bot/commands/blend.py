"""/blend: an image that resembles two to four others."""

import discord
from discord import app_commands

from bot.services.preferences import preferred_recipe
from bot.services.submission import Uploads, submit_job
from bot.types import Interaction
from core.i18n import gettext, gettext_noop
from core.prompts import MAX_PROMPT_LENGTH, RecipeError, parse_weight
from core.recipe import MAX_COUNT, SEEDS

PLACEHOLDER = "a blend"
"""The text prompt until the images are downloaded."""


@app_commands.command(
    name="blend", description=gettext_noop("Blend two to four images into a new one")
)
@app_commands.describe(
    first=gettext_noop("An image: PNG, JPEG, WebP or GIF"),
    second=gettext_noop("Another image"),
    third=gettext_noop("A third image"),
    fourth=gettext_noop("A fourth image"),
    weights=gettext_noop("How much of each image, such as 2 1 1 (default: equal parts)"),
    include=gettext_noop("What to paint in addition to the images, written as in /imagine"),
    exclude=gettext_noop("What to leave out, written the same way"),
    count=gettext_noop("How many images, each from its own seed"),
    seed=gettext_noop("The same recipe and seed give the same image"),
)
async def blend_command(
    interaction: Interaction,
    first: discord.Attachment,
    second: discord.Attachment,
    third: discord.Attachment | None = None,
    fourth: discord.Attachment | None = None,
    weights: app_commands.Range[str, 1, 60] = "",
    include: app_commands.Range[str, 1, MAX_PROMPT_LENGTH] | None = None,
    exclude: app_commands.Range[str, 1, MAX_PROMPT_LENGTH] = "",
    count: app_commands.Range[int, 1, MAX_COUNT] | None = None,
    seed: app_commands.Range[int, 0, SEEDS - 1] | None = None,
) -> None:
    images = [image for image in (first, second, third, fourth) if image]
    like = list(zip(images, _weights(weights, len(images)), strict=True))
    recipe = await preferred_recipe(
        interaction, include or PLACEHOLDER, exclude, seed=seed, count=count
    )
    placeholder = None if include else PLACEHOLDER
    await submit_job(interaction, recipe, Uploads(like=like, placeholder=placeholder))


def _weights(text: str, count: int) -> list[float]:
    """Parses one weight per image. Raises RecipeError."""
    typed = text.replace(",", " ").split()
    if not typed:
        return [1.0] * count
    if len(typed) != count:
        raise RecipeError(
            gettext("Give one weight for each of the {n} images, such as 2 1.", n=count), text
        )
    return [parse_weight(number, text, text.find(number)) for number in typed]
