"""Examples to try: prompts that the model knows, and a button for each."""

from typing import Any

import discord

from core.discord_ui.custom_ids import encode
from core.i18n import gettext, gettext_noop

KIND = "example"

EXAMPLES = {
    "picturebook": (  # which understands five languages
        (gettext_noop("an owl in the snow"), ""),
        (gettext_noop("a cat and a dog"), ""),
        (gettext_noop("a 3d rocket on a blue background"), ""),
    ),
    "sketch": (
        ("a red circle on a white background", "watermark"),
        ("a yellow star and a blue heart", ""),
        ("the moon over snowy hills at night", "a house"),
    ),
    "": (
        ("a lighthouse in a storm", "watermark"),
        ("a castle on a cliff | fog:0.5", "people"),
        ("an astronaut riding a horse", "text"),
    ),
}
"""Include and exclude prompts by model; "" is for models without a fixed vocabulary."""


def examples(model: str) -> tuple[tuple[str, str], ...]:
    """Prompts that this model understands, in the current language if it understands that."""
    prompts = EXAMPLES.get(model, EXAMPLES[""])
    if model != "picturebook":
        return prompts
    return tuple((gettext(include), exclude) for include, exclude in prompts)


def example_buttons(model: str) -> list[discord.ui.Button[Any]]:
    """One button for each example."""
    return [
        discord.ui.Button(label=include, emoji="🎨", custom_id=encode(KIND, number))
        for number, (include, _) in enumerate(examples(model))
    ]
