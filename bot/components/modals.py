"""Forms that outlive every restart: all that an answer needs to know stands in the custom id.

A form is a `discord.ui.Modal` that is only drawn; what answers it is found by the name in its
custom id, `imagine:`, the name, `:`, and what else the answer needs to know.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord

from bot.errors import RefusedError, report
from core.i18n import mark, say, speak
from core.prompts import RecipeError

Answer = Callable[[Any, str, Mapping[str, str]], Awaitable[None]]
"""Called with the interaction, the rest of the custom id, and the texts by their custom ids."""

OLDER = mark("This form belongs to an older version, and nothing answers it any more.")

_ANSWERS: dict[str, tuple[re.Pattern[str], Answer]] = {}


def takes(name: str, pattern: str) -> Callable[[Answer], Answer]:
    """Enters what answers the forms of a name; the rest of their ids is like the pattern."""

    def enter(answer: Answer) -> Answer:
        _ANSWERS[name] = re.compile(pattern), answer
        return answer

    return enter


def form(
    title: str, name: str, *fields: discord.ui.TextInput[discord.ui.Modal]
) -> discord.ui.Modal:
    """A form to be sent; `name` is what `takes` enters and the rest, with a colon between."""
    drawn = discord.ui.Modal(title=title, custom_id=f"imagine:{name}")
    for each in fields:
        drawn.add_item(each)
    return drawn


def field(
    name: str,
    label: str,
    value: str = "",
    *,
    longest: int,
    style: discord.TextStyle = discord.TextStyle.short,
    required: bool = True,
) -> discord.ui.TextInput[discord.ui.Modal]:
    """A text to be typed, of `longest` characters at most."""
    return discord.ui.TextInput(
        label=label,
        custom_id=name,
        default=value or None,
        style=style,
        required=required,
        max_length=longest,
    )


async def submitted(interaction: discord.Interaction[Any]) -> None:
    """Answers a form that a member has sent, whatever it is. Never raises."""
    try:
        data: Mapping[str, Any] = interaction.data or {}
        _, _, rest = str(data["custom_id"]).partition("imagine:")
        name, _, aside = rest.partition(":")
        interaction.client.finish_before_closing()
        speak(interaction.locale.value)
        pattern, answer = _ANSWERS.get(name, (None, None))
        if pattern is None or answer is None or not pattern.fullmatch(aside):
            raise RefusedError(say(OLDER))
        await answer(interaction, aside, _Texts(_texts(data["components"])))
    except RecipeError as error:
        await report(interaction, RefusedError(str(error)))
    except Exception as error:
        await report(interaction, error)


class _Texts(dict[str, str]):
    """What stands in the fields of a form, by their custom ids."""

    def __missing__(self, name: str) -> str:
        raise RefusedError(say(OLDER))


def _texts(components: Any) -> Any:
    """Custom ids and values of all fields, in rows of the old kind or in labels around one."""
    for part in components:
        if "value" in part:
            # Half of a surrogate pair can be neither kept nor sent.
            yield part["custom_id"], part["value"].encode(errors="replace").decode()
        inner = part.get("components") or ([part["component"]] if "component" in part else [])
        yield from _texts(inner)
