"""Checks for images that someone else uploaded, which only they may use."""

from bot.decisions import Reason, refuse
from bot.errors import RefusedError
from bot.types import Interaction
from core.database.provenance import UploadedImages
from core.prompts import RecipeError
from core.recipe import Recipe


async def check_no_foreign_images(interaction: Interaction, recipe: Recipe) -> None:
    """Raises RefusedError if the recipe uses images that someone else uploaded."""
    uploads = UploadedImages(interaction.client.database)
    if await uploads.foreign(recipe, interaction.user.id):
        raise RefusedError(refuse(Reason.SOMEONE_ELSES_IMAGE).refusal)


async def without_foreign_images(interaction: Interaction, recipe: Recipe) -> Recipe:
    """The recipe without image prompts that someone else uploaded. Raises RefusedError.

    For recipes that start from a finished image, which already looks like its image prompts.
    """
    uploads = UploadedImages(interaction.client.database)
    foreign = await uploads.foreign(recipe, interaction.user.id)
    try:
        return recipe.without_images(foreign) if foreign else recipe
    except RecipeError:  # no prompt would be left
        raise RefusedError(refuse(Reason.SOMEONE_ELSES_IMAGE).refusal) from None
