"""/prefer: a member's defaults for /imagine."""

from dataclasses import replace

from discord import app_commands
from discord.app_commands import locale_str

from bot import policy
from bot.client import AnyCommand
from bot.commands.choices import styles_for, suggest_sizes
from bot.services.access import check
from bot.services.preferences import inherited
from bot.services.responses import acknowledged
from bot.translator import gettext_lazy
from bot.types import Interaction
from core.database.members import Notify, Preferences
from core.defaults import Defaults, merged
from core.i18n import gettext, gettext_noop
from core.recipe import MAX_COUNT
from core.sizes import parse_size

NO_PREFERENCE = gettext_noop("no preference")
NOTIFICATIONS = {
    Notify.ALWAYS: gettext_noop("always"),
    Notify.LONG: gettext_noop("when it took longer than a minute"),
    Notify.NEVER: gettext_noop("never"),
}
NONE = "none"
"""The choice that removes a preferred size or style."""


def prefer_command(menu: policy.Menu, model: str) -> AnyCommand:
    """The command, with the sizes on this menu and the styles that suit the model."""
    none = app_commands.Choice(name=locale_str(NO_PREFERENCE), value=NONE)

    @app_commands.command(
        name="prefer", description=gettext_noop("Set your own defaults for /imagine")
    )
    @app_commands.describe(
        size=gettext_noop("Your default size"),
        steps=gettext_lazy("Your default number of steps (normally {steps})", steps=menu.steps),
        style=gettext_noop("Your default style"),
        count=gettext_noop("How many images you get at once by default"),
        notify=gettext_noop("When to mention you because your image is ready"),
        direct_copy=gettext_noop("Whether finished images are also sent to you by direct message"),
    )
    @app_commands.choices(style=[none, *styles_for(model)], notify=_notifications())
    @app_commands.autocomplete(size=_suggest_sizes)
    async def prefer(
        interaction: Interaction,
        size: app_commands.Range[str, 3, 20] | None = None,
        steps: app_commands.Range[int, policy.MIN_STEPS, policy.MAX_STEPS] | None = None,
        style: str | None = None,
        count: app_commands.Range[int, 1, MAX_COUNT] | None = None,
        notify: str | None = None,
        direct_copy: bool | None = None,
    ) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            members = interaction.client.members
            chosen = await members.preferences(interaction.user.id)
            if size:
                chosen = replace(chosen, size=None if size == NONE else _size(size, menu))
            if steps:
                chosen = replace(chosen, steps=None if steps == menu.steps else steps)
            if style:
                chosen = replace(chosen, preset=None if style == NONE else style)
            if count:
                chosen = replace(chosen, count=count)
            if notify:
                chosen = replace(chosen, notify=Notify(notify))
            if direct_copy is not None:
                chosen = replace(chosen, direct_copy=direct_copy)
            await members.set_preferences(interaction.user.id, chosen)
            usual = Defaults(
                menu.sizes[0].name, menu.steps, count=interaction.client.settings.images_per_request
            )
            unchosen = merged((await inherited(interaction), usual))
            await response.edit(_text(chosen, unchosen))

    return prefer


async def _suggest_sizes(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    none = app_commands.Choice(name=gettext(NO_PREFERENCE), value=NONE)
    return [none, *await suggest_sizes(interaction, typed)]


def _size(typed: str, menu: policy.Menu) -> str:
    """The size in pixels. Raises RecipeError, RefusedError."""
    width, height = parse_size(typed, menu.canvas)
    check(policy.may_have_size(menu, width, height))
    return f"{width}x{height}"


def _notifications() -> list[app_commands.Choice[str]]:
    return [
        app_commands.Choice(name=locale_str(name), value=notify.value)
        for notify, name in NOTIFICATIONS.items()
    ]


def _text(chosen: Preferences, unchosen: Defaults) -> str:
    """The member's defaults, with those that hold here where they have none; how to change them."""
    style = chosen.preset or unchosen.preset
    yes_or_no = gettext("yes") if chosen.direct_copy else gettext("no")
    return "\n".join(
        (
            gettext("**Your defaults for `/imagine`**"),
            gettext("Size: {size}", size=chosen.size or unchosen.size),
            gettext("Steps: {steps}", steps=chosen.steps or unchosen.steps),
            gettext("Style: {style}", style=gettext(style) if style else gettext("none")),
            gettext("Images at once: {n}", n=chosen.count or unchosen.count),
            gettext("Mention when ready: {when}", when=gettext(NOTIFICATIONS[chosen.notify])),
            gettext("Copy by direct message: {answer}", answer=yes_or_no),
            gettext(
                "Change them with the options of `/prefer`, such as `/prefer steps:50`. Options you"
                " set in `/imagine` override these defaults."
            ),
        )
    )
