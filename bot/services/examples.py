"""Examples to try: prompts that the model knows, and a button for each."""

from typing import Any

import discord

from core.discord_ui.custom_ids import encode

KIND = "example"

EXAMPLES = {
    "picturebook": (
        ("a lighthouse at night", "watermark"),
        ("a cat and a dog", ""),
        ("a 3d rocket on a blue background", "a cloud"),
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
    """Include and exclude prompts that this model understands."""
    return EXAMPLES.get(model, EXAMPLES[""])


def example_buttons(model: str) -> list[discord.ui.Button[Any]]:
    """One button for each example."""
    return [
        discord.ui.Button(label=include, emoji="🎨", custom_id=encode(KIND, number))
        for number, (include, _) in enumerate(examples(model))
    ]
