"""Buttons and forms that keep working after a restart: their state is in their custom ids.

A button is a `discord.ui.DynamicItem` with its own template. A form is a `discord.ui.Modal` that
discord.py doesn't keep in memory: when it is submitted, the client finds its class by the template
and fills in a new instance.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

import discord

from bot.client import OUTDATED_BUTTON
from bot.errors import TYPED, RefusedError, TypedText
from bot.types import Interaction
from core.discord_ui.custom_ids import PREFIX, encode
from core.discord_ui.limits import MAX_EMBED_FIELD
from core.i18n import gettext
from core.prompts import RecipeError, parse_prompts

NEVER = r"(?!)"
"""Matches no custom id: the template of base classes."""

AGAIN = "re"
"""The kind of the button that reopens a form; short, because some forms have long custom ids."""

_FENCES = "```\n", "\n```"

AnyInteraction = discord.Interaction[Any]
Item = TypeVar("Item", bound=discord.ui.Item[Any])


class PersistentItem(discord.ui.DynamicItem[Item], template=NEVER):
    """A button or menu that is recreated from its custom id at each use.

    Subclasses define who may use it (`authorize`) and what it does (`press`). Like commands, both
    may raise anything: the member gets an error message.
    """

    def __init__(self, item: Item, match: re.Match[str]) -> None:
        super().__init__(item)
        self.match = match

    @classmethod
    async def from_custom_id(
        cls, interaction: AnyInteraction, item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(item, match)

    async def authorize(self, interaction: Interaction) -> None:
        """Raises RefusedError unless this member may use it, here and now."""
        raise NotImplementedError

    async def press(self, interaction: Interaction) -> None:
        """Handles the press, or the choice."""
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


class PersistentButton(PersistentItem[discord.ui.Button[Any]], template=NEVER):
    """A button."""


class PersistentSelect(PersistentItem[discord.ui.Select[Any]], template=NEVER):
    """A menu to choose one value from, in a message."""

    def chosen(self) -> str:
        """The value. Raises RefusedError."""
        values = getattr(self.item, "values", ())  # empty if a button was forged
        if not values:
            raise RefusedError(gettext(OUTDATED_BUTTON))
        return str(values[0])


class PersistentModal(discord.ui.Modal):
    """A form that is recreated from its custom id when it is submitted.

    All of its items are labels. An error also shows what was typed, and a button that reopens the
    form with it.
    """

    template: ClassVar[re.Pattern[str]]

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The form with this custom id."""
        raise NotImplementedError

    @classmethod
    async def reopened(cls, interaction: Interaction, match: re.Match[str]) -> Self:
        """The form with this custom id, for `refill`. Raises RefusedError."""
        return cls.from_match(match)

    async def submit(self, interaction: Interaction) -> None:
        """Handles what the member submitted."""
        raise NotImplementedError

    async def on_submit(self, interaction: AnyInteraction, /) -> None:
        if typed := self._typed():
            interaction.extras[TYPED] = typed
        await self.submit(interaction)

    def refill(self, embed: discord.Embed) -> None:
        """Fills in what was typed, from the embed of `_typed`."""
        before, after = _FENCES
        for label, field in zip(self._refillable_labels(), embed.fields, strict=False):
            text = str(field.value).removeprefix(before).removesuffix(after)
            match label.component:
                case discord.ui.TextInput() as text_input:
                    text_input.default = text or None
                    text_input.max_length = max(text_input.max_length or 0, len(text))
                case discord.ui.Select() | discord.ui.RadioGroup() as menu:
                    chosen = text.splitlines()
                    for option in menu.options:
                        option.default = option.label in chosen or option.value in chosen

    def _typed(self) -> TypedText | None:
        """What was submitted, without files; None if it is too long to show."""
        embed = discord.Embed(colour=discord.Colour.light_grey())
        for label in self._refillable_labels():
            text = _submitted(label.component).join(_FENCES)
            if len(text) > MAX_EMBED_FIELD:
                return None
            embed.add_field(name=label.text, value=text, inline=False)
        button: discord.ui.Button[Any] = discord.ui.Button(
            label=gettext("Edit again"),
            style=discord.ButtonStyle.primary,
            custom_id=encode(AGAIN, self.custom_id.removeprefix(f"{PREFIX}:")),
        )
        return TypedText(embed, button)

    def _refillable_labels(self) -> list[discord.ui.Label[Any]]:
        labels = (item for item in self.children if isinstance(item, discord.ui.Label))
        return [each for each in labels if not isinstance(each.component, discord.ui.FileUpload)]

    async def on_error(  # type: ignore[override]  # as discord.ui.Modal overrides it
        self, interaction: AnyInteraction, error: Exception, /
    ) -> None:
        await interaction.client.fail(interaction, error)


async def send_modal(interaction: Interaction, modal: PersistentModal) -> None:
    """Opens a form. It is stopped first, so that discord.py doesn't keep it in memory."""
    modal.stop()
    await interaction.response.send_modal(modal)


def _submitted(component: discord.ui.Item[Any]) -> str:
    """The text of a field, or a line with the label (if known) of each choice."""
    if isinstance(component, discord.ui.TextInput):
        return value_of(component)
    if isinstance(component, discord.ui.RadioGroup):
        labels = {option.value: option.label for option in component.options}
        return labels.get(component.value or "", component.value or "")
    assert isinstance(component, discord.ui.Select)
    labels = {option.value: option.label for option in component.options}
    return "\n".join(labels.get(value, value) for value in component.values)


def radio_group(
    name: str, values: Mapping[str, float], default: float
) -> "discord.ui.RadioGroup[Any]":
    """Radio buttons for these values, by label."""
    return discord.ui.RadioGroup(
        custom_id=name,
        options=[
            discord.RadioGroupOption(
                label=gettext(label), value=str(value), default=value == default
            )
            for label, value in values.items()
        ],
    )


def chosen_value(
    group: "discord.ui.RadioGroup[Any]", values: Mapping[str, float], default: float
) -> float:
    """The value that was chosen in a `radio_group`."""
    return next((value for value in values.values() if str(value) == group.value), default)


def check_prompts(include: str, exclude: str) -> None:
    """Raises RefusedError, which names the field, for prompts that cannot be parsed."""
    for name, text, excluded in (
        (gettext("Include"), include, False),
        (gettext("Exclude"), exclude, True),
    ):
        try:
            if text.strip():
                parse_prompts(text, excluded=excluded)
        except RecipeError as error:
            raise RefusedError(f"**{name}**: {error}") from None


def value_of(field: discord.ui.TextInput[Any]) -> str:
    """The submitted text, without lone surrogates, which can be neither stored nor sent."""
    return (field.value or "").encode(errors="replace").decode()


def number_between(text: str, least: int, most: int, refusal: str) -> int:
    """Parses a whole number. Raises RefusedError with this refusal."""
    number = int(text) if re.fullmatch(r"\s*[0-9]{1,12}\s*", text) else -1
    if not least <= number <= most:
        raise RefusedError(gettext(refusal, least=least, most=most))
    return number
