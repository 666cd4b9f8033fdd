"""/imagine: requests images."""

from collections.abc import Sequence

import discord
from discord import app_commands

from bot import policy
from bot.client import AnyCommand
from bot.commands.autocompletion import in_time, matching_texts
from bot.commands.choices import (
    StyleName,
    model_option,
    suggest_palettes,
    suggest_regions,
    suggest_sizes,
    suggest_styles_or_none,
    symmetries,
    tiles,
)
from bot.services.permutations import ask_to_confirm
from bot.services.preferences import preferred_recipes
from bot.services.submission import Uploads, submit_job
from bot.translator import gettext_lazy
from bot.types import Interaction
from core.i18n import gettext_noop
from core.palette import parse_palette
from core.pattern import Symmetry, Tile
from core.permutations import escape_braces, permutations
from core.prompts import MAX_PROMPT_LENGTH, MAX_WEIGHT, format_prompts
from core.recipe import MAX_COUNT, SEEDS
from core.repaint import Repaint, parse_regions

MAX_SEED = SEEDS - 1
Size = app_commands.Range[str, 3, 20]
ImageWeight = app_commands.Range[float, 0.1, MAX_WEIGHT]


def imagine_command(models: Sequence[str]) -> AnyCommand:
    """The command for these models; the first is the default."""
    menu = policy.menu(models[0])

    @app_commands.command(
        name="imagine", description=gettext_noop("Create an image from a description")
    )
    @app_commands.describe(
        include=gettext_noop("What to paint; several prompts with weights: a castle | fog:0.5"),
        exclude=gettext_noop("What to leave out, written the same way"),
        size=gettext_lazy(
            "Pixels or an aspect ratio, such as 16:9 (default: {size})", size=menu.sizes[0].name
        ),
        style=gettext_noop("A style to paint it in"),
        count=gettext_noop("How many images, each from its own seed"),
        steps=gettext_lazy(
            "More steps take longer but add detail (default: {steps})", steps=menu.steps
        ),
        seed=gettext_noop("The same recipe and seed give the same image"),
        image=gettext_noop("An image to start from: PNG, JPEG, WebP or GIF"),
        strength=gettext_noop("How closely to follow that image, from 0 (barely) to 1 (exactly)"),
        like=gettext_noop("An image to paint something similar to"),
        unlike=gettext_noop("An image to avoid resembling"),
        like_weight=gettext_noop("How much to resemble it (a text prompt has weight 1)"),
        unlike_weight=gettext_noop("How much to avoid resembling it (a text prompt has weight 1)"),
        tile=gettext_noop("Make a seamless pattern, to be repeated side by side"),
        symmetry=gettext_noop("Make the image symmetric"),
        palette=gettext_noop("Colours to use, such as navy gold #fff, or the name of a palette"),
        palette_from=gettext_noop("An image to take the colours from"),
        repaint=gettext_noop(
            "Repaint only this part of the image: left, top, 10 20 60 80 in percent"
        ),
        mask=gettext_noop("Or an image that's white where you want to repaint"),
        private=gettext_noop("Send it only to you, by direct message"),
    )
    @model_option(models, gettext_noop("The model to paint with"))
    @app_commands.choices(tile=tiles(), symmetry=symmetries())
    @app_commands.autocomplete(
        include=_suggest,
        size=suggest_sizes,
        style=suggest_styles_or_none,
        palette=suggest_palettes,
        repaint=suggest_regions,
    )
    async def imagine(
        interaction: Interaction,
        include: app_commands.Range[str, 1, MAX_PROMPT_LENGTH],
        exclude: app_commands.Range[str, 1, MAX_PROMPT_LENGTH] = "",
        size: Size | None = None,
        style: StyleName | None = None,
        count: app_commands.Range[int, 1, MAX_COUNT] | None = None,
        steps: app_commands.Range[int, policy.MIN_STEPS, policy.MAX_STEPS] | None = None,
        seed: app_commands.Range[int, 0, MAX_SEED] | None = None,
        image: discord.Attachment | None = None,
        strength: app_commands.Range[float, 0, 1] = 0.5,
        like: discord.Attachment | None = None,
        unlike: discord.Attachment | None = None,
        like_weight: ImageWeight = 1.0,
        unlike_weight: ImageWeight = 1.0,
        tile: str | None = None,
        symmetry: str | None = None,
        palette: app_commands.Range[str, 1, MAX_PROMPT_LENGTH] | None = None,
        palette_from: discord.Attachment | None = None,
        repaint: app_commands.Range[str, 1, 100] | None = None,
        mask: discord.Attachment | None = None,
        private: bool = False,
        model: str | None = None,
    ) -> None:
        recipes = await preferred_recipes(
            interaction,
            permutations(include, exclude),
            size=size,
            steps=steps,
            style=style,
            seed=seed,
            count=count,
            strength=strength,
            tile=Tile(tile) if tile else None,
            symmetry=Symmetry(symmetry) if symmetry else None,
            palette=parse_palette(palette) if palette else (),
            model=model,
        )
        uploads = Uploads(
            image,
            [(like, like_weight)] if like else [],
            [(unlike, unlike_weight)] if unlike else [],
            palette_from,
            repaint=Repaint(parse_regions(repaint)) if repaint else None,
            mask=mask,
        )
        if len(recipes) > 1:
            await ask_to_confirm(interaction, recipes, uploads, private=private)
        else:
            await submit_job(interaction, recipes[0], uploads, private=private)

    return imagine


async def _suggest(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    """The member's latest prompts."""
    members = interaction.client.members
    jobs = await in_time(members.recent_prompts(interaction.user.id)) or []
    texts = (escape_braces(format_prompts(job.recipe.include)) for job in jobs)
    return matching_texts(typed, dict.fromkeys(texts))
