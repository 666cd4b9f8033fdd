"""What stands in the components of a message, as discord.py received them."""

from collections.abc import Iterable, Iterator

import discord


def walk(components: Iterable[discord.Component]) -> Iterator[discord.Component]:
    """All components of a message, each one before those inside it."""
    for component in components:
        yield component
        yield from walk(getattr(component, "children", ()))


def texts_of(message: discord.Message) -> list[str]:
    """The texts of a message's layout, from top to bottom."""
    parts = walk(message.components)
    return [part.content for part in parts if isinstance(part, discord.TextDisplay)]
