"""/prefer: a member's defaults for /imagine."""

from collections.abc import Sequence

from discord import app_commands
from discord.app_commands import locale_str

from bot import policy
from bot.client import AnyCommand
from bot.commands.choices import (
    StyleName,
    model_option,
    or_none,
    suggest_sizes,
    suggest_styles,
)
from bot.components.preference_form import (
    NO,
    NO_PREFERENCE,
    NONE,
    NOTIFICATIONS,
    YES,
    show_preferences,
)
from bot.services.responses import acknowledged
from bot.translator import gettext_lazy
from bot.types import Interaction
from core.i18n import gettext, gettext_noop
from core.recipe import MAX_COUNT


def prefer_command(models: Sequence[str]) -> AnyCommand:
    """The command for these models; the first is the default."""
    menu = policy.menu(models[0])

    @app_commands.command(
        name="prefer", description=gettext_noop("Show and set your own defaults for /imagine")
    )
    @app_commands.describe(
        size=gettext_noop("Your default size"),
        steps=gettext_lazy("Your default number of steps (normally {steps})", steps=menu.steps),
        style=gettext_noop("Your default style"),
        count=gettext_noop("How many images you get at once by default"),
        notify=gettext_noop("When to mention you because your image is ready"),
        direct_copy=gettext_noop("Whether finished images are also sent to you by direct message"),
    )
    @model_option(models, gettext_noop("Your default model"))
    @app_commands.choices(notify=_notifications())
    @app_commands.autocomplete(size=_suggest_sizes, style=_suggest_styles)
    async def prefer(
        interaction: Interaction,
        size: app_commands.Range[str, 3, 20] | None = None,
        steps: app_commands.Range[int, policy.MIN_STEPS, policy.MAX_STEPS] | None = None,
        style: StyleName | None = None,
        count: app_commands.Range[int, 1, MAX_COUNT] | None = None,
        notify: str | None = None,
        direct_copy: bool | None = None,
        model: str | None = None,
    ) -> None:
        copy = None if direct_copy is None else YES if direct_copy else NO
        typed = {
            "model": model,
            "size": size,
            "steps": steps,
            "style": style,
            "count": count,
            "notify": notify,
            "copy": copy,
        }
        async with acknowledged(interaction, ephemeral=True) as response:
            given = {name: str(value) for name, value in typed.items() if value is not None}
            await show_preferences(response, given)

    return prefer


async def _suggest_sizes(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    none = app_commands.Choice(name=gettext(NO_PREFERENCE), value=NONE)
    return [none, *await suggest_sizes(interaction, typed)]


async def _suggest_styles(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return or_none(NO_PREFERENCE, typed, await suggest_styles(interaction, typed))


def _notifications() -> list[app_commands.Choice[str]]:
    return [
        app_commands.Choice(name=locale_str(name), value=notify.value)
        for notify, name in NOTIFICATIONS.items()
    ]
