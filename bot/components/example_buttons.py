"""The buttons of /help, which request examples."""

import discord

from bot.components.persistent import PersistentButton
from bot.services.preferences import preferred_recipe
from bot.services.submission import submit_job
from bot.types import Interaction
from core.discord_ui.custom_ids import encode, template
from core.discord_ui.views import static_view

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


def example_buttons(model: str) -> discord.ui.View:
    """One button for each example, each in its own row."""
    return static_view(
        discord.ui.Button(label=include, custom_id=encode(KIND, number), row=number)
        for number, (include, _) in enumerate(examples(model))
    )


class ExampleButton(PersistentButton, template=template(KIND, number="[0-2]")):
    """Requests an example on behalf of whoever presses it."""

    async def authorize(self, interaction: Interaction) -> None:
        """Anyone may press it."""

    async def press(self, interaction: Interaction) -> None:
        number, model = int(self.match["number"]), interaction.client.settings.model
        include, exclude = examples(model)[number]
        await submit_job(interaction, await preferred_recipe(interaction, include, exclude))
