"""The form of /prefer: a member's defaults as menus that save each choice."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord
from discord import ui

from bot import policy
from bot.client import OUTDATED_BUTTON
from bot.components.persistent import PersistentSelect
from bot.errors import RefusedError
from bot.installation import guild_id_of
from bot.services.access import check
from bot.services.preferences import (
    inherited_defaults,
    offered_model,
    preferred_model,
    preferred_style,
)
from bot.services.responses import Response, acknowledged
from bot.services.styles import added_styles, find_style, global_style
from bot.types import Interaction
from core.database.members import Notify, Preferences
from core.defaults import Defaults, merged
from core.discord_ui.custom_ids import encode, template
from core.discord_ui.limits import MAX_CHOICES
from core.discord_ui.views import static_layout
from core.i18n import gettext, gettext_noop
from core.prompts import RecipeError
from core.recipe import MAX_COUNT
from core.sizes import parse_size
from core.styles import MAX_STYLE_NAME, NO_STYLE, style_label, styles_for

KIND = "prefer"
NO_PREFERENCE = gettext_noop("no preference")
NONE = NO_STYLE
"""The choice that removes a preference."""

NOTIFICATIONS = {
    Notify.ALWAYS: gettext_noop("always"),
    Notify.LONG: gettext_noop("when it took longer than a minute"),
    Notify.NEVER: gettext_noop("never"),
}
STEPS = (10, 25, 50, 100, 200, 300, 500)
"""Steps on offer; others can be typed with the command."""

NAMES = {
    "model": gettext_noop("Model"),
    "size": gettext_noop("Size"),
    "steps": gettext_noop("Steps"),
    "style": gettext_noop("Style"),
    "count": gettext_noop("Images at once"),
    "notify": gettext_noop("Mention when ready"),
    "copy": gettext_noop("Copy by direct message"),
}
YES, NO = "yes", "no"

Options = dict[str, str]
"""Labels of choices by value."""
Changes = dict[str, Any]
"""New values of preferences by name."""


class PreferenceSelect(
    PersistentSelect,
    template=template(KIND, setting="|".join(NAMES)),
):
    """The menu of one setting."""

    async def authorize(self, interaction: Interaction) -> None:
        """Anyone may use it, for themselves."""

    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, updates_message=True) as response:
            await show_preferences(response, {self.match["setting"]: self.chosen()})


async def show_preferences(response: Response, typed: Mapping[str, str]) -> None:
    """Saves what was typed or chosen, and shows the form. Raises RecipeError, RefusedError."""
    interaction = response.interaction
    members, changes = interaction.client.members, Changes()
    try:
        for setting, value in typed.items():
            changes |= await _CHANGES[setting](interaction, value)
    except ValueError as error:
        if isinstance(error, RecipeError):
            raise
        raise RefusedError(gettext(OUTDATED_BUTTON)) from None  # this choice no longer exists
    preferences = await members.change_preferences(interaction.user.id, **changes)
    await response.edit(view=await _form(interaction, preferences))


async def _size(interaction: Interaction, typed: str) -> Changes:
    if typed == NONE:
        return {"size": None}
    menu = policy.menu(await preferred_model(interaction))
    width, height = parse_size(typed, menu.canvas)
    check(policy.may_have_size(menu, width, height))
    return {"size": f"{width}x{height}"}


async def _steps(interaction: Interaction, typed: str) -> Changes:
    return {"steps": None if typed == NONE else int(typed)}


async def _style(interaction: Interaction, typed: str) -> Changes:
    if typed.strip().casefold() in (NONE, gettext(NO_PREFERENCE).casefold()):
        return {"preset": None, "preset_guild": None}
    name = (await find_style(interaction, typed, await preferred_model(interaction))).name
    own = None if global_style(interaction, name) else guild_id_of(interaction)
    return {"preset": name, "preset_guild": own}


async def _count(interaction: Interaction, typed: str) -> Changes:
    return {"count": None if typed == NONE else int(typed)}


async def _model(interaction: Interaction, typed: str) -> Changes:
    if typed == NONE:
        return {"model": None}
    check(policy.may_use(typed, interaction.client.settings.offered_models))
    return {"model": typed}


async def _notify(interaction: Interaction, typed: str) -> Changes:
    return {"notify": Notify(typed)}


async def _copy(interaction: Interaction, typed: str) -> Changes:
    return {"direct_copy": typed == YES}


_CHANGES: Mapping[str, Callable[[Interaction, str], Awaitable[Changes]]] = {
    "size": _size,
    "steps": _steps,
    "style": _style,
    "count": _count,
    "model": _model,
    "notify": _notify,
    "copy": _copy,
}


async def _form(interaction: Interaction, own: Preferences) -> ui.LayoutView:
    """A menu for each setting. Its first option says what applies here without a preference."""
    settings, inherited = interaction.client.settings, await inherited_defaults(interaction)
    model = offered_model(merged((Defaults(model=own.model), inherited)), settings)
    menu = policy.menu(model)
    of_host = Defaults(menu.sizes[0].name, menu.steps, count=settings.images_per_request)
    default = merged((inherited, of_host))
    style = preferred_style(interaction, own)
    added = [each.name for each in await added_styles(interaction)]
    styles = [*added, *styles_for(model)]
    models = {name: name for name in settings.offered_models}
    menus = {
        "model": _menu(models, own.model, offered_model(inherited, settings)),
        "size": _menu(
            {size.name: gettext(size.label, size=size.name) for size in menu.suggested},
            own.size,
            default.size,
        ),
        "steps": _menu({str(n): str(n) for n in STEPS}, own.steps, default.steps),
        "style": _menu(
            {name: style_label(name) for name in styles if len(name) <= MAX_STYLE_NAME},
            style,
            style_label(default.preset) if default.preset else gettext("none"),
        ),
        "count": _menu({str(n): str(n) for n in range(1, MAX_COUNT + 1)}, own.count, default.count),
        "notify": (
            {notify.value: gettext(name) for notify, name in NOTIFICATIONS.items()},
            own.notify.value,
        ),
        "copy": ({YES: gettext("yes"), NO: gettext("no")}, YES if own.direct_copy else NO),
    }
    items: list[ui.Item[Any]] = [ui.TextDisplay(gettext("**Your defaults for `/imagine`**"))]
    if len(models) == 1:
        del menus["model"]
    for setting, (options, chosen) in menus.items():
        items.append(ui.TextDisplay(gettext(NAMES[setting])))
        items.append(ui.ActionRow(_select(setting, options, chosen)))
    hint = gettext("Options you set in `/imagine` override these defaults.")
    items.append(ui.TextDisplay(f"-# {hint}"))
    return static_layout([ui.Container(*items, accent_colour=discord.Colour.blurple())])


def _menu(options: Options, own: object, default: object) -> tuple[Options, str]:
    """The options, preceded by that of no preference with the default, and the chosen value."""
    none = f"{gettext(NO_PREFERENCE)} ({default})"
    if own is None:
        return {NONE: none, **options}, NONE
    return {NONE: none, str(own): options.get(str(own), str(own)), **options}, str(own)


def _select(setting: str, options: Options, chosen: str) -> ui.Select[Any]:
    offered = list(options.items())[:MAX_CHOICES]
    return ui.Select(
        custom_id=encode(KIND, setting),
        placeholder=gettext(NAMES[setting]),
        options=[
            discord.SelectOption(label=label, value=value, default=value == chosen)
            for value, label in offered
        ],
    )
