"""/mod defaults: a server's or channel's defaults for options that members leave out."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from discord import app_commands

from bot import policy
from bot.commands.choices import StyleName, model_option, suggest_sizes, suggest_styles
from bot.commands.mod.parameters import AnyModCommand, ChannelOption, guild_of
from bot.services.access import check
from bot.services.preferences import offered_model
from bot.services.responses import acknowledged
from bot.services.styles import find_style
from bot.services.word_rules import refuse_forbidden_words
from bot.types import Interaction
from core.database.guild_defaults import WHOLE_GUILD
from core.defaults import Defaults, merged
from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop
from core.prompts import format_prompts, parse_prompts
from core.recipe import MAX_COUNT
from core.sizes import parse_size
from core.styles import style_label

MAX_EXCLUDE = 200  #: characters; leaves room for the prompts of a style


def defaults_command(models: Sequence[str]) -> AnyModCommand:
    """The command for these models; the first is the default."""

    @app_commands.command(
        name="defaults",
        description=gettext_noop("See or set the defaults of this server, or of a channel"),
    )
    @app_commands.describe(
        channel=gettext_noop("A channel or a category; without it, the whole server"),
        size=gettext_noop("The default size"),
        steps=gettext_noop("The default number of steps"),
        style=gettext_noop("The default style"),
        exclude=gettext_noop("What to leave out by default, such as: watermark | text"),
        count=gettext_noop("How many images a request makes by default"),
        clear=gettext_noop("Remove all defaults that you don't set here"),
    )
    @model_option(models, gettext_noop("The default model"))
    @app_commands.autocomplete(size=suggest_sizes, style=suggest_styles)
    async def defaults(
        interaction: Interaction,
        channel: ChannelOption | None = None,
        size: app_commands.Range[str, 3, 20] | None = None,
        steps: app_commands.Range[int, policy.MIN_STEPS, policy.MAX_STEPS] | None = None,
        style: StyleName | None = None,
        exclude: app_commands.Range[str, 1, MAX_EXCLUDE] | None = None,
        count: app_commands.Range[int, 1, MAX_COUNT] | None = None,
        clear: bool = False,
        model: str | None = None,
    ) -> None:
        """Options that are left out keep their values."""
        guild_id, stored = guild_of(interaction), interaction.client.guild_defaults
        channel_id = channel.id if channel else WHOLE_GUILD
        async with acknowledged(interaction, ephemeral=True) as response:
            kept = Defaults() if clear else await stored.get(guild_id, channel_id)
            server = await stored.get(guild_id) if channel else Defaults()
            inherited = offered_model(merged((kept, server)), interaction.client.settings)
            used = model or inherited
            given = Defaults(
                _size(size, used) if size else None,
                steps,
                (await find_style(interaction, style, used)).name if style else None,
                await _exclude(interaction, exclude) if exclude else None,
                count,
                model,
            )
            changes: dict[str, Any] = {
                name: v for name, v in asdict(given).items() if v is not None
            }
            after = await stored.change(
                guild_id, channel_id, changes, interaction.user.id, clear=clear
            )
            title = gettext("**Defaults of this server**")
            if channel:
                title = gettext("**Defaults in {channel}**", channel=channel.mention)
            lines = _lines(after, with_model=len(models) > 1)
            await response.edit("\n".join((title, *lines, gettext(_PRECEDENCE))))

    return defaults


_PRECEDENCE = gettext_noop(
    "A member's options and preferences come first, then the channel's defaults, then the server's."
)


def _size(typed: str, model: str) -> str:
    """The size in pixels. Raises RecipeError, RefusedError."""
    menu = policy.menu(model)
    width, height = parse_size(typed, menu.canvas)
    check(policy.may_have_size(menu, width, height))
    return f"{width}x{height}"


async def _exclude(interaction: Interaction, typed: str) -> str:
    """The prompts, formatted for storage. Raises RecipeError; RefusedError for a refused word."""
    prompts = parse_prompts(typed, excluded=True)
    await refuse_forbidden_words(interaction, (prompt.text for prompt in prompts))
    return format_prompts(prompts)


def _lines(shown: Defaults, *, with_model: bool) -> list[str]:
    none = gettext("not set")
    return [
        *([gettext("Model: {model}", model=shown.model or none)] if with_model else []),
        gettext("Size: {size}", size=shown.size or none),
        gettext("Steps: {steps}", steps=shown.steps or none),
        gettext(
            "Style: {style}", style=escape(style_label(shown.preset)) if shown.preset else none
        ),
        gettext("Exclude: {prompts}", prompts=escape(shown.exclude) if shown.exclude else none),
        gettext("Images at once: {n}", n=shown.count or none),
    ]
