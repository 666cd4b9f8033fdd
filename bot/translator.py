"""Translates the command tree: descriptions and choices, but not names of commands and options."""

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location
from discord.app_commands import TranslationContextTypes, locale_str

from core.i18n import ENGLISH, gettext, language_of, use_locale

TYPED = (Location.command_name, Location.group_name, Location.parameter_name)


class CatalogueTranslator(app_commands.Translator):
    """Translates with our catalogues."""

    async def translate(
        self, string: locale_str, locale: discord.Locale, context: TranslationContextTypes
    ) -> str | None:
        """The translation; None to keep a text as it is, such as the name of a command."""
        # Called for each text in each of Discord's locales, most of which have no catalogue.
        if language_of(locale.value) == ENGLISH:
            return None
        menu = isinstance(context.data, app_commands.ContextMenu)
        if context.location in TYPED and not menu:
            return None
        message = string.extras.get("message", string.message)
        with use_locale(locale.value):
            translated = gettext(message, **string.extras.get("values", {}))
        return None if translated == string.message else translated


def gettext_lazy(message: str, **values: Any) -> locale_str:
    """A text of the command tree with values for its `{placeholders}`, to be translated later."""
    return locale_str(message.format(**values), message=message, values=values)
