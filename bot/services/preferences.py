"""Recipes from what a member typed, completed with defaults.

Typed options come first, then the member's defaults, the channel's, the server's and the host's.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypedDict, TypeVar, Unpack

import discord

from bot import policy
from bot.installation import guild_id_of
from bot.services.styles import existing_style, find_style, is_no_style
from bot.services.word_rules import forbidden_word
from bot.types import Interaction
from core.database.errors import StoreError
from core.database.members import Preferences
from core.defaults import Defaults, merged
from core.discord_ui.limits import INITIAL_RESPONSE_SECONDS
from core.palette import Colours
from core.pattern import Symmetry, Tile
from core.prompts import format_prompts, parse_prompts
from core.recipe import Recipe, random_seed
from core.settings import Settings
from core.sizes import parse_size
from core.styles import Style

T = TypeVar("T")

PREFERENCES_SECONDS = INITIAL_RESPONSE_SECONDS / 6
"""How long preferences may take to load, while Discord waits; then the defaults are used."""


class Options(TypedDict, total=False):
    """Options that a member may set; missing ones get their preference or the default."""

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
    model: str | None


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
    settings, default = interaction.client.settings, await _defaults(interaction)
    model = options.get("model") or offered_model(default, settings)
    menu = policy.menu(model)
    if default.exclude and not all(exclude for _, exclude in texts):
        default = await _without_refused(interaction, default)
    size = options.get("size") or _offered_size(default, menu)
    width, height = parse_size(size, menu.canvas)
    seed = options.get("seed")
    make = partial(
        Recipe.make,
        width=width,
        height=height,
        steps=options.get("steps") or default.steps or menu.steps,
        seed=random_seed() if seed is None else seed,
        strength=options.get("strength", 0.5),
        count=options.get("count") or default.count or settings.images_per_request,
        preset=await _style(interaction, options.get("style"), default.preset, model),
        initial=options.get("initial"),
        tile=options.get("tile"),
        symmetry=options.get("symmetry"),
        palette=options.get("palette", ()),
        model=model if len(settings.offered_models) > 1 else None,
    )
    return [
        make(include, exclude or default_exclude(default.exclude or "", include))
        for include, exclude in texts
    ]


async def preferred_model(interaction: Interaction) -> str:
    """The model of a request that names none: the member's, the channel's, … or the host's."""
    settings = interaction.client.settings
    if len(settings.offered_models) == 1:
        return settings.model
    return offered_model(await _defaults(interaction), settings)


async def _defaults(interaction: Interaction) -> Defaults:
    """The defaults that apply to a request, except the host's."""
    return merged((await _member_defaults(interaction), await inherited_defaults(interaction)))


def offered_model(default: Defaults, settings: Settings) -> str:
    """The default model, unless it was set while the host offered it."""
    offered = default.model in settings.offered_models
    return default.model if default.model and offered else settings.model


def _offered_size(default: Defaults, menu: policy.Menu) -> str:
    """The default size, unless it was set while another model offered it."""
    if default.size and policy.may_have_size(menu, *parse_size(default.size)):
        return default.size
    return menu.sizes[0].name


async def _style(
    interaction: Interaction, typed: str | None, default: str | None, model: str
) -> Style | None:
    """The style that is typed, or the default one, if the database answers in time.

    Raises RecipeError, StoreError.
    """
    if typed:
        return None if is_no_style(typed) else await find_style(interaction, typed, model)
    return await _in_time(existing_style(interaction, default)) if default else None


def default_exclude(exclude: str, include: str) -> str:
    """The default exclude prompts, except those that are included here. Raises RecipeError."""
    if not exclude:
        return ""
    included = {prompt.text.casefold() for prompt in parse_prompts(include)}
    prompts = parse_prompts(exclude, excluded=True)
    return format_prompts(tuple(p for p in prompts if p.text.casefold() not in included))


async def _without_refused(interaction: Interaction, default: Defaults) -> Defaults:
    """The defaults without exclude prompts that the word filter refuses, if it answers in time.

    Otherwise, a rule added after the default would refuse every request. The moderators' log
    records the conflict.
    """
    guild_id, exclude = guild_id_of(interaction), default.exclude or ""
    if guild_id is None:
        return default
    texts = [prompt.text for prompt in parse_prompts(exclude, excluded=True)]
    hit = await _in_time(forbidden_word(interaction.client, guild_id, texts))
    if hit is None:
        return default
    await _in_time(
        interaction.client.audit_log.record_refused_default(guild_id, exclude, hit.rule.text)
    )
    return replace(default, exclude=None)


async def inherited_defaults(interaction: Interaction) -> Defaults:
    """The defaults of the channel and the server, if the database answers in time."""
    stored = interaction.client.guild_defaults.within(
        guild_id_of(interaction), _channels(interaction)
    )
    return await _in_time(stored) or Defaults()


async def _member_defaults(interaction: Interaction) -> Defaults:
    """The member's own defaults, if the database answers in time."""
    own = await _in_time(interaction.client.members.preferences(interaction.user.id))
    if own is None:
        return Defaults()
    return Defaults(
        own.size, own.steps, preferred_style(interaction, own), None, own.count, own.model
    )


def preferred_style(interaction: Interaction, preferences: Preferences) -> str | None:
    """The style that a member prefers; a server's own style only exists there."""
    elsewhere = preferences.preset_guild not in (None, guild_id_of(interaction))
    return None if elsewhere else preferences.preset


def _channels(interaction: Interaction) -> list[int]:
    """The channel, a thread's parent, and their category: the closest first."""
    channel = interaction.channel
    root = channel.parent if isinstance(channel, discord.Thread) else channel
    ids = (interaction.channel_id, getattr(root, "id", None), getattr(root, "category_id", None))
    return list(dict.fromkeys(number for number in ids if number))


async def _in_time(query: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(PREFERENCES_SECONDS / 2):
            return await query
    except (TimeoutError, StoreError):
        return None
