"""Buttons that outlive every restart: all that a press needs to know stands in the custom id.

A custom id is `imagine:`, a name, `:`, and what else the press needs to know. Modules enter what
answers a name with `answers`.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import discord

from bot.client import OLDER, AnyButton, ImagineBot
from bot.errors import RefusedError, report
from core.i18n import say, speak
from core.prompts import RecipeError

Interaction = discord.Interaction[ImagineBot]
Answer = Callable[[Interaction, str], Awaitable[None]]
"""Called with the rest of the custom id."""


@dataclass(frozen=True, slots=True)
class _Entry:
    pattern: re.Pattern[str]
    answer: Answer


_ENTRIES: dict[str, _Entry] = {}


def answers(name: str, pattern: str) -> Callable[[Answer], Answer]:
    """Enters what answers the buttons of a name; the rest of their ids is like the pattern."""

    def enter(answer: Answer) -> Answer:
        _ENTRIES[name] = _Entry(re.compile(pattern, re.DOTALL), answer)
        return answer

    return enter


class LastingButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"imagine:(?P<name>[a-z]+):(?P<aside>[^\n\ud800-\udfff]{0,80})",  # no half letters
):
    """Any of our buttons."""

    def __init__(self, button: discord.ui.Button[Any], name: str, aside: str) -> None:
        super().__init__(button)
        self.name = name
        self.aside = aside

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(item, match["name"], match["aside"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        interaction.client.finish_before_closing()
        speak(interaction.locale.value)
        try:
            entry = _ENTRIES.get(self.name)
            if entry is None or not entry.pattern.fullmatch(self.aside):
                raise RefusedError(say(OLDER))
            await entry.answer(interaction, self.aside)
        except RecipeError as error:
            await report(interaction, RefusedError(str(error)))
        except Exception as error:  # discord.py would swallow it
            await report(interaction, error)


BUTTONS: tuple[AnyButton, ...] = (LastingButton,)
