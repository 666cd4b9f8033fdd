"""Buttons and forms that keep working after a restart: their state is in their custom ids.

A button is a `discord.ui.DynamicItem` with its own template. A form is a `discord.ui.Modal` that
discord.py doesn't keep in memory: when it is submitted, the client finds its class by the template
and fills in a new instance.
"""

import re
from typing import Any, ClassVar, Self

import discord

from bot.errors import RefusedError
from bot.types import Interaction
from core.i18n import gettext

NEVER = r"(?!)"
"""Matches no custom id: the template of base classes."""

AnyInteraction = discord.Interaction[Any]


class PersistentButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=NEVER):
    """A button that is recreated from its custom id at each press.

    Subclasses define who may press it (`authorize`) and what it does (`press`). Like commands, both
    may raise anything: the member gets an error message.
    """

    def __init__(self, button: discord.ui.Button[Any], match: re.Match[str]) -> None:
        super().__init__(button)
        self.match = match

    @classmethod
    async def from_custom_id(
        cls, interaction: AnyInteraction, item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(item, match)

    async def authorize(self, interaction: Interaction) -> None:
        """Raises RefusedError unless this member may press the button, here and now."""
        raise NotImplementedError

    async def press(self, interaction: Interaction) -> None:
        """Handles the press."""
        raise NotImplementedError

    async def interaction_check(self, interaction: AnyInteraction, /) -> bool:
        if not await interaction.client.enter(interaction):
            return False
        try:
            await self.authorize(interaction)
        except Exception as error:
            await interaction.client.fail(interaction, error)
            return False
        return True

    async def callback(self, interaction: AnyInteraction) -> None:
        async with interaction.client.error_boundary(interaction):
            await self.press(interaction)


class PersistentModal(discord.ui.Modal):
    """A form that is recreated from its custom id when it is submitted."""

    template: ClassVar[re.Pattern[str]]

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The form with this custom id."""
        raise NotImplementedError

    async def submit(self, interaction: Interaction) -> None:
        """Handles what the member submitted."""
        raise NotImplementedError

    async def on_submit(self, interaction: AnyInteraction, /) -> None:
        await self.submit(interaction)

    async def on_error(  # type: ignore[override]  # as discord.ui.Modal overrides it
        self, interaction: AnyInteraction, error: Exception, /
    ) -> None:
        await interaction.client.fail(interaction, error)


async def send_modal(interaction: Interaction, modal: PersistentModal) -> None:
    """Opens a form. It is stopped first, so that discord.py doesn't keep it in memory."""
    modal.stop()
    await interaction.response.send_modal(modal)


def value_of(field: discord.ui.TextInput[Any]) -> str:
    """The submitted text, without lone surrogates, which can be neither stored nor sent."""
    return (field.value or "").encode(errors="replace").decode()


def number_between(text: str, least: int, most: int, refusal: str) -> int:
    """Parses a whole number. Raises RefusedError with this refusal."""
    number = int(text) if re.fullmatch(r"\s*[0-9]{1,12}\s*", text) else -1
    if not least <= number <= most:
        raise RefusedError(gettext(refusal, least=least, most=most))
    return number
