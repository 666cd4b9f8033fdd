"""Views and layouts whose items are handled by their custom ids."""

from collections.abc import Iterable
from typing import Any

import discord


def static_view(items: Iterable[discord.ui.Item[Any]]) -> discord.ui.View:
    """A view that is only displayed: a `DynamicItem` handles its buttons, even after a restart.

    It is stopped, so that discord.py does not keep it in memory to listen for interactions.
    """
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def static_layout(items: Iterable[discord.ui.Item[Any]]) -> discord.ui.LayoutView:
    """Like `static_view`, but a layout of components v2."""
    layout = discord.ui.LayoutView(timeout=None)
    for item in items:
        layout.add_item(item)
    layout.stop()
    return layout
