"""The form behind “Imagine from this image” in the context menu of messages."""

import re
from typing import Any, Self

import discord

from bot.client import OUTDATED_FORM
from bot.components.persistent import (
    PersistentModal,
    check_prompts,
    chosen_value,
    radio_group,
    value_of,
)
from bot.errors import RefusedError
from bot.services.preferences import preferred_recipe
from bot.services.signing import PATTERN, sign, verify
from bot.services.submission import submit_job
from bot.types import Interaction
from core.discord_ui.custom_ids import encode, template
from core.i18n import gettext, gettext_noop
from core.prompts import MAX_PROMPT_LENGTH

KIND = "picture"
STRENGTH = 0.5
STRENGTHS = {
    gettext_noop("Loosely"): 0.3,
    gettext_noop("Halfway"): STRENGTH,
    gettext_noop("Closely"): 0.8,
}


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
        self.strength = radio_group("strength", STRENGTHS, STRENGTH)
        for label, component in (
            (gettext("Include"), self.include),
            (gettext("Exclude"), self.exclude),
            (gettext("How closely to follow it"), self.strength),
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
        include, exclude = value_of(self.include), value_of(self.exclude)
        check_prompts(include, exclude)
        strength = chosen_value(self.strength, STRENGTHS, STRENGTH)
        recipe = await preferred_recipe(
            interaction, include, exclude, initial=self.name, strength=strength
        )
        await submit_job(interaction, recipe)
