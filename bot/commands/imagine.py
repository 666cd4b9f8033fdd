"""/imagine: from what a member typed to a recipe."""

import asyncio

import discord
from discord import app_commands

from bot import policy
from bot.client import AnyCommand
from bot.commands.choices import sizes_on, styles_for
from bot.errors import RefusedError
from bot.services.submission import Attached, Interaction, ask
from bot.translator import filled
from core.database.jobs import StoreError
from core.database.members import Members, Preferences
from core.i18n import mark
from core.prompts import MAX_PROMPT_LENGTH, RecipeError, format_prompts
from core.recipe import MAX_COUNT, SEEDS, Recipe, parse_size

MAX_SEED = SEEDS - 1
MAX_CHOICES, MAX_CHOICE = 25, 100

PREFERENCES_SECONDS = 1.0
"""Discord waits three seconds for an answer; without preferences, the menu's numbers are taken."""


def imagine_command(menu: policy.Menu, pair: str) -> AnyCommand:
    """The command with the sizes on this menu, and the styles that suit the pair."""

    @app_commands.command(name="imagine", description=mark("Paint a picture of what you describe"))
    @app_commands.describe(
        include=mark("What to paint; several with weights: a castle | fog:0.5"),
        exclude=mark("What to keep away, written the same way"),
        size=filled(
            "Width and height in pixels ({size} if you choose none)", size=menu.sizes[0].name
        ),
        style=mark("A style to paint it in"),
        count=mark("How many pictures, each from its own seed"),
        steps=filled(
            "More steps take longer and paint finer ({steps} if you say nothing)", steps=menu.steps
        ),
        seed=mark("The same recipe and seed paint the same picture"),
        image=mark("A picture to start from: PNG, JPEG, WebP or GIF"),
        strength=mark("How firmly that picture holds, from 0 (hardly) to 1 (entirely)"),
        like=mark("A picture whose likes to paint"),
        unlike=mark("A picture whose likes to keep away"),
        private=mark("Show it to you alone, in a direct message"),
    )
    @app_commands.choices(size=sizes_on(menu), style=styles_for(pair))
    @app_commands.autocomplete(include=_suggest)
    async def imagine(
        interaction: Interaction,
        include: app_commands.Range[str, 1, MAX_PROMPT_LENGTH],
        exclude: app_commands.Range[str, 1, MAX_PROMPT_LENGTH] = "",
        size: str | None = None,
        style: str | None = None,
        count: app_commands.Range[int, 1, MAX_COUNT] = 1,
        steps: app_commands.Range[int, policy.MIN_STEPS, policy.MAX_STEPS] | None = None,
        seed: app_commands.Range[int, 0, MAX_SEED] | None = None,
        image: discord.Attachment | None = None,
        strength: app_commands.Range[float, 0, 1] = 0.5,
        like: discord.Attachment | None = None,
        unlike: discord.Attachment | None = None,
        private: bool = False,
    ) -> None:
        preferred = await _preferences(interaction)
        try:
            width, height = parse_size(size or preferred.size or menu.sizes[0].name)
            recipe = Recipe.make(
                include,
                exclude,
                width=width,
                height=height,
                steps=steps or preferred.steps or menu.steps,
                seed=seed,
                strength=strength,
                count=count,
                preset=style or preferred.preset,
            )
        except RecipeError as error:
            raise RefusedError(str(error)) from None
        await ask(interaction, recipe, Attached(image, like, unlike), private=private)

    return imagine


async def _preferences(interaction: Interaction) -> Preferences:
    """What the member prefers, if the database says so in time."""
    try:
        async with asyncio.timeout(PREFERENCES_SECONDS):
            return await Members(interaction.client.store).preferences(interaction.user.id)
    except (TimeoutError, StoreError):
        return Preferences()


async def _suggest(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    """One's own latest wishes, those that fit what was typed so far."""
    try:
        async with asyncio.timeout(PREFERENCES_SECONDS):
            jobs = await Members(interaction.client.store).recent_prompts(interaction.user.id)
    except (TimeoutError, StoreError):
        return []
    prompts = dict.fromkeys(format_prompts(job.recipe.include) for job in jobs)
    wanted = typed.strip().casefold()
    return [
        app_commands.Choice(name=prompt, value=prompt)
        for prompt in prompts
        if 0 < len(prompt) <= MAX_CHOICE and wanted in prompt.casefold()
    ][:MAX_CHOICES]
