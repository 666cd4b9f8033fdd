"""/prefer: a member's defaults for /imagine."""

from dataclasses import replace

from discord import app_commands
from discord.app_commands import locale_str

from bot import policy
from bot.client import AnyCommand
from bot.commands.choices import StyleName, or_none, suggest_sizes, suggest_styles
from bot.installation import guild_id_of
from bot.services.access import check
from bot.services.preferences import inherited, preferred_style
from bot.services.responses import acknowledged
from bot.services.styles import everywhere, find_style
from bot.translator import gettext_lazy
from bot.types import Interaction
from core.database.members import Notify, Preferences
from core.defaults import Defaults, merged
from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop
from core.recipe import MAX_COUNT
from core.sizes import parse_size
from core.styles import NO_STYLE, style_label

NO_PREFERENCE = gettext_noop("no preference")
NOTIFICATIONS = {
    Notify.ALWAYS: gettext_noop("always"),
    Notify.LONG: gettext_noop("when it took longer than a minute"),
    Notify.NEVER: gettext_noop("never"),
}
NONE = NO_STYLE
"""The choice that removes a preferred size or style."""


def prefer_command(menu: policy.Menu) -> AnyCommand:
    """The command, with the sizes on this menu."""

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
    ) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            members = interaction.client.members
            chosen = await members.preferences(interaction.user.id)
            if size:
                chosen = replace(chosen, size=None if size == NONE else _size(size, menu))
            if steps:
                chosen = replace(chosen, steps=None if steps == menu.steps else steps)
            if style:
                chosen = await _with_style(interaction, chosen, style)
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
            await response.edit(_text(chosen, preferred_style(interaction, chosen), unchosen))

    return prefer


async def _suggest_sizes(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    none = app_commands.Choice(name=gettext(NO_PREFERENCE), value=NONE)
    return [none, *await suggest_sizes(interaction, typed)]


async def _suggest_styles(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return or_none(NO_PREFERENCE, typed, await suggest_styles(interaction, typed))


async def _with_style(interaction: Interaction, chosen: Preferences, typed: str) -> Preferences:
    """The preferences with this style, or with none. Raises RecipeError, StoreError."""
    if typed.strip().casefold() in (NONE, gettext(NO_PREFERENCE).casefold()):
        return replace(chosen, preset=None, preset_guild=None)
    name = (await find_style(interaction, typed)).name
    own = None if everywhere(interaction, name) else guild_id_of(interaction)
    return replace(chosen, preset=name, preset_guild=own)


def _size(typed: str, menu: policy.Menu) -> str:
    """The size in pixels. Raises RecipeError, RefusedError."""
    width, height = parse_size(typed, menu.canvas)
    check(policy.may_have_size(menu, width, height))
    return f"{width}x{height}"


def _style(name: str | None) -> str:
    return escape(style_label(name)) if name else gettext("none")


def _notifications() -> list[app_commands.Choice[str]]:
    return [
        app_commands.Choice(name=locale_str(name), value=notify.value)
        for notify, name in NOTIFICATIONS.items()
    ]


def _text(chosen: Preferences, style: str | None, unchosen: Defaults) -> str:
    """The member's defaults, with those that hold here where they have none; how to change them.

    `style` is the preferred one, if it can be here.
    """
    style = style or unchosen.preset
    yes_or_no = gettext("yes") if chosen.direct_copy else gettext("no")
    return "\n".join(
        (
            gettext("**Your defaults for `/imagine`**"),
            gettext("Size: {size}", size=chosen.size or unchosen.size),
            gettext("Steps: {steps}", steps=chosen.steps or unchosen.steps),
            gettext("Style: {style}", style=_style(style)),
            gettext("Images at once: {n}", n=chosen.count or unchosen.count),
            gettext("Mention when ready: {when}", when=gettext(NOTIFICATIONS[chosen.notify])),
            gettext("Copy by direct message: {answer}", answer=yes_or_no),
            gettext(
                "Change them with the options of `/prefer`, such as `/prefer steps:50`. Options you"
                " set in `/imagine` override these defaults."
            ),
        )
    )
