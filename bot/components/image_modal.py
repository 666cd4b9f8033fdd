"""The form behind “Imagine from this image” in the context menu of messages."""

import re
from typing import Any, Self

import discord

from bot.client import OUTDATED_FORM
from bot.components.persistent import PersistentModal, value_of
from bot.errors import RefusedError
from bot.services.preferences import preferred_recipe
from bot.services.signing import PATTERN, sign, verify
from bot.services.submission import submit_job
from bot.types import Interaction
from core.discord_ui.custom_ids import encode, template
from core.i18n import gettext
from core.prompts import MAX_PROMPT_LENGTH

KIND = "picture"


class ImageModal(PersistentModal):
    """Its custom id is signed: names of stored images are not secret, since PNGs contain them."""

    template = template(KIND, name=r"[0-9a-f]{64}", signature=PATTERN)

    def __init__(self, name: str, signature: str) -> None:
        super().__init__(
            title=gettext("Imagine from this image"), custom_id=encode(KIND, name, signature)
        )
        self.name, self.signature = name, signature
        long = discord.TextStyle.paragraph
        self.include: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="include", max_length=MAX_PROMPT_LENGTH, style=long
        )
        self.exclude: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="exclude", max_length=MAX_PROMPT_LENGTH, style=long, required=False
        )
        self.strength: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="strength", max_length=5, default="0.5"
        )
        for label, component in (
            (gettext("Include"), self.include),
            (gettext("Exclude"), self.exclude),
            (gettext("How closely to follow it, from 0 to 1"), self.strength),
        ):
            self.add_item(discord.ui.Label(text=label, component=component))

    @classmethod
    def for_member(cls, interaction: Interaction, name: str) -> Self:
        """The form that lets this member start from a stored image."""
        return cls(name, sign(name, interaction.user.id, interaction.client.settings))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(match["name"], match["signature"])

    async def submit(self, interaction: Interaction) -> None:
        settings = interaction.client.settings
        if not verify(self.name, self.signature, interaction.user.id, settings):
            raise RefusedError(gettext(OUTDATED_FORM))
        recipe = await preferred_recipe(
            interaction,
            value_of(self.include),
            value_of(self.exclude),
            initial=self.name,
            strength=_strength(value_of(self.strength)),
        )
        await submit_job(interaction, recipe)


def _strength(text: str) -> float:
    """Raises RefusedError."""
    try:
        strength = float(text.replace(",", "."))
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise RefusedError(
            gettext("How closely to follow the image must be a number from 0 to 1, such as 0.5.")
        )
    return strength
