"""Recipes from what a member typed, completed with their preferences."""

import asyncio

from bot import policy
from bot.types import Interaction
from core.database.errors import StoreError
from core.database.members import Preferences
from core.discord_ui.limits import INITIAL_RESPONSE_SECONDS
from core.palette import Colours
from core.pattern import Symmetry, Tile
from core.recipe import Recipe
from core.sizes import parse_size

PREFERENCES_SECONDS = INITIAL_RESPONSE_SECONDS / 6
"""How long preferences may take to load, while Discord waits; then the defaults are used."""


async def preferred_recipe(
    interaction: Interaction,
    include: str,
    exclude: str = "",
    *,
    size: str | None = None,
    steps: int | None = None,
    style: str | None = None,
    seed: int | None = None,
    count: int | None = None,
    initial: str | None = None,
    strength: float = 0.5,
    tile: Tile | None = None,
    symmetry: Symmetry | None = None,
    palette: Colours = (),
) -> Recipe:
    """A recipe in which None stands for the member's preference or default. Raises RecipeError."""
    menu = policy.menu(interaction.client.settings.model)
    preferred = await _preferences(interaction)
    width, height = parse_size(size or preferred.size or menu.sizes[0].name, menu.canvas)
    return Recipe.make(
        include,
        exclude,
        width=width,
        height=height,
        steps=steps or preferred.steps or menu.steps,
        seed=seed,
        initial=initial,
        strength=strength,
        count=count or preferred.count or interaction.client.settings.images_per_request,
        preset=style or preferred.preset,
        tile=tile,
        symmetry=symmetry,
        palette=palette,
    )


async def _preferences(interaction: Interaction) -> Preferences:
    """The member's preferences, if the database answers in time."""
    try:
        async with asyncio.timeout(PREFERENCES_SECONDS):
            return await interaction.client.members.preferences(interaction.user.id)
    except (TimeoutError, StoreError):
        return Preferences()
