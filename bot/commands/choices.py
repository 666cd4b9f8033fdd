"""Choices of command options, in the member's language."""

from discord.app_commands import Choice, locale_str

from bot import policy
from bot.translator import filled
from core.styles import suiting


def sizes_on(menu: policy.Menu) -> list[Choice[str]]:
    """The sizes on a menu."""
    return [Choice(name=filled(size.label, size=size.name), value=size.name) for size in menu.sizes]


def styles_for(pair: str) -> list[Choice[str]]:
    """The styles that suit a model."""
    return [Choice(name=locale_str(name), value=name) for name in suiting(pair)]
