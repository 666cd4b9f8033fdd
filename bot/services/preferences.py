"""Recipes from what a member typed, completed with their preferences."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TypedDict, Unpack

from bot import policy
from bot.types import Interaction
from core.database.errors import StoreError
from core.database.members import Preferences
from core.discord_ui.limits import INITIAL_RESPONSE_SECONDS
from core.palette import Colours
from core.pattern import Symmetry, Tile
from core.recipe import Recipe, drawn_seed
from core.sizes import parse_size

PREFERENCES_SECONDS = INITIAL_RESPONSE_SECONDS / 6
"""How long preferences may take to load, while Discord waits; then the defaults are used."""


class Options(TypedDict, total=False):
    """What a member may give; what is missing or None is their preference or the default."""

    size: str | None
    steps: int | None
    style: str | None
    seed: int | None
    count: int | None
    initial: str | None
    strength: float
    tile: Tile | None
    symmetry: Symmetry | None
    palette: Colours


async def preferred_recipe(
    interaction: Interaction, include: str, exclude: str = "", **options: Unpack[Options]
) -> Recipe:
    """A recipe from texts and options. Raises RecipeError."""
    (recipe,) = await preferred_recipes(interaction, [(include, exclude)], **options)
    return recipe


async def preferred_recipes(
    interaction: Interaction, texts: Sequence[tuple[str, str]], **options: Unpack[Options]
) -> list[Recipe]:
    """A recipe for each pair of include and exclude, all with the same seed. Raises RecipeError."""
    menu = policy.menu(interaction.client.settings.model)
    preferred = await _preferences(interaction)
    size = options.get("size") or preferred.size or menu.sizes[0].name
    width, height = parse_size(size, menu.canvas)
    seed = options.get("seed")
    make = partial(
        Recipe.make,
        width=width,
        height=height,
        steps=options.get("steps") or preferred.steps or menu.steps,
        seed=drawn_seed() if seed is None else seed,
        strength=options.get("strength", 0.5),
        count=(
            options.get("count")
            or preferred.count
            or interaction.client.settings.images_per_request
        ),
        preset=options.get("style") or preferred.preset,
        initial=options.get("initial"),
        tile=options.get("tile"),
        symmetry=options.get("symmetry"),
        palette=options.get("palette", ()),
    )
    return [make(include, exclude) for include, exclude in texts]


async def _preferences(interaction: Interaction) -> Preferences:
    """The member's preferences, if the database answers in time."""
    try:
        async with asyncio.timeout(PREFERENCES_SECONDS):
            return await interaction.client.members.preferences(interaction.user.id)
    except (TimeoutError, StoreError):
        return Preferences()
