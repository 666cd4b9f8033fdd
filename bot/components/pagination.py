"""Lists by pages: two buttons that outlive a restart turn them."""

from collections.abc import Awaitable, Callable

import discord

from bot.client import OLDER
from bot.components.buttons import Interaction, answers
from bot.errors import RefusedError
from core.i18n import say

PAGE = 10
"""Entries of a page."""
ASIDE = 40
"""Characters that a custom id may hold beside a list's name and the page."""

Drawn = tuple[discord.Embed, int]
"""A page, and how many entries there are in all."""
Drawer = Callable[[Interaction, int, str], Awaitable[Drawn]]
"""Draws a page (0, 1, …) of a list that the text narrows down."""

LISTS: dict[str, Drawer] = {}
"""Every list by its name; the modules of the commands enter theirs."""


def entered(name: str) -> Callable[[Drawer], Drawer]:
    """Enters a list under a name that custom ids say."""

    def enter(drawer: Drawer) -> Drawer:
        LISTS[name] = drawer
        return drawer

    return enter


@answers("page", r"[a-z]+:[0-9]{1,6}:.{0,40}")
async def _turn(interaction: Interaction, aside: str) -> None:
    """Turns to a page of a list, in the same message."""
    name, page, narrowed = aside.split(":", maxsplit=2)
    if name not in LISTS:
        raise RefusedError(say(OLDER))
    await interaction.response.defer()
    await show_page(interaction, name, int(page), narrowed)


async def show_page(interaction: Interaction, name: str, page: int = 0, aside: str = "") -> None:
    """Draws a page into the answer to the interaction, which has been deferred."""
    aside = aside[:ASIDE]
    embed, count = await LISTS[name](interaction, page, aside)
    last = max(0, (count - 1) // PAGE)
    if page > last:  # the list has become shorter since
        page = last
        embed, count = await LISTS[name](interaction, page, aside)
    view = _turning(name, page, last, aside) if last else None
    if last:
        embed.set_footer(text=say("Page {n} of {all}", n=page + 1, all=last + 1))
    await interaction.edit_original_response(embed=embed, view=view)


def _turning(name: str, page: int, last: int, aside: str) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for label, other in ((say("Back"), page - 1), (say("On"), page + 1)):
        view.add_item(
            discord.ui.Button(
                label=label,
                custom_id=f"imagine:page:{name}:{other % 1_000_000}:{aside}",
                disabled=not 0 <= other <= last,
            )
        )
    view.stop()
    return view
