"""The buttons of /help and of the welcome message: examples to try."""

from bot.components.persistent import PersistentButton
from bot.services.examples import KIND, examples
from bot.services.preferences import preferred_recipe
from bot.services.submission import submit_job
from bot.types import Interaction
from core.discord_ui.custom_ids import template


class ExampleButton(PersistentButton, template=template(KIND, number="[0-2]")):
    """Requests an example for the member who presses it."""

    async def authorize(self, interaction: Interaction) -> None:
        """Anyone may press it."""

    async def press(self, interaction: Interaction) -> None:
        number, model = int(self.match["number"]), interaction.client.settings.model
        include, exclude = examples(model)[number]
        await submit_job(interaction, await preferred_recipe(interaction, include, exclude))
