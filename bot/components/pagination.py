"""Paginated lists. Each list is a class of buttons that turn its pages."""

import re
from typing import Any, ClassVar

import discord

from bot.client import OUTDATED_BUTTON
from bot.components.persistent import NEVER, PersistentButton
from bot.errors import RefusedError
from bot.services.moderator_access import PASS, check_moderator, issue_pass
from bot.types import Interaction
from core.discord_ui import custom_ids
from core.discord_ui.custom_ids import ID, PAGE, TEXT, encode
from core.discord_ui.views import static_view
from core.i18n import gettext

PAGE_SIZE = 10  #: entries per page
MAX_FILTER = 40  #: characters

Page = tuple[discord.Embed, int]
"""The embed of a page, and the number of entries on all pages."""
Drawn = tuple[discord.Embed, discord.ui.View | None]


class PageButton(PersistentButton, template=NEVER):
    """Turns the pages of a list."""

    name: ClassVar[str]

    def __init_subclass__(
        cls, *, name: str = "", template: str | re.Pattern[str] | None = None
    ) -> None:
        cls.name = name
        own = custom_ids.template(f"page:{name}", page=PAGE, filter=TEXT)
        super().__init_subclass__(template=template or own)

    @classmethod
    def page_buttons(
        cls, number: int, last: int, filter_text: str, access: str = ""
    ) -> list[discord.ui.Button[Any]]:
        """The buttons to the pages before and after page `number` (0, 1, …, `last`)."""
        pages = ((gettext("Previous"), number - 1), (gettext("Next"), number + 1))
        return [
            cls._button(label, other, filter_text, access, disabled=not 0 <= other <= last)
            for label, other in pages
        ]

    @classmethod
    def _button(
        cls, label: str, number: int, filter_text: str, access: str, *, disabled: bool
    ) -> discord.ui.Button[Any]:
        parts = [f"{number % 1_000_000}", filter_text, *([access] if access else [])]
        custom_id = encode("page", cls.name, *parts)
        return discord.ui.Button(label=label, custom_id=custom_id, disabled=disabled)

    async def authorize(self, interaction: Interaction) -> None:
        """Anyone may press it: a page only shows what the member may see."""


class PagedList(PageButton, template=NEVER):
    """A list whose pages anyone may turn, unless it is a `ModeratorList`."""

    @classmethod
    async def page(cls, interaction: Interaction, number: int, filter_text: str) -> Page:
        """A page (0, 1, …) of the entries that match the filter."""
        raise NotImplementedError

    @classmethod
    async def draw(
        cls, interaction: Interaction, number: int = 0, filter_text: str = "", access: str = ""
    ) -> Drawn:
        """A page and its buttons; the last page if the list has become shorter."""
        embed, count = await cls.page(interaction, number, filter_text)
        last = max(0, (count - 1) // PAGE_SIZE)
        if number > last:
            number = last
            embed, count = await cls.page(interaction, number, filter_text)
        if not last:
            return embed, None
        embed.set_footer(text=gettext("Page {n} of {all}", n=number + 1, all=last + 1))
        return embed, static_view(cls.page_buttons(number, last, filter_text, access))

    async def press(self, interaction: Interaction) -> None:
        if interaction.message and interaction.message.flags.components_v2:
            raise RefusedError(gettext(OUTDATED_BUTTON))  # a layout can't be changed to an embed
        await interaction.response.defer()
        number, filter_text = int(self.match["page"]), self.match["filter"]
        access = self.match.groupdict().get("access") or ""
        embed, view = await self.draw(interaction, number, filter_text, access)
        await interaction.edit_original_response(embed=embed, view=view)


class ModeratorList(PagedList, template=NEVER):
    """A list for moderators. Its filter is the id of a member, or empty."""

    def __init_subclass__(cls, *, name: str) -> None:
        ids = custom_ids.template(
            f"page:{name}", page=PAGE, filter=rf"(?:{ID})?", access=PASS, optional={"access"}
        )
        super().__init_subclass__(name=name, template=ids)

    @classmethod
    async def first_page(cls, interaction: Interaction, filter_text: str = "") -> Drawn:
        """The first page, for the member who uses the command."""
        return await cls.draw(interaction, 0, filter_text, issue_pass(interaction))

    async def authorize(self, interaction: Interaction) -> None:
        check_moderator(interaction, self.match["access"] or "")
