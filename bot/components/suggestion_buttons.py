"""The buttons below a refusal, which request something that the model knows."""

from bot.components.persistent import PersistentButton
from bot.services.preferences import preferred_recipe
from bot.services.submission import submit_job
from bot.services.suggestions import KIND
from bot.types import Interaction
from core.discord_ui.custom_ids import TEXT, template


class SuggestionButton(PersistentButton, template=template(KIND, include=TEXT)):
    """Requests a suggestion for the member who presses it."""

    async def authorize(self, interaction: Interaction) -> None:
        """Anyone may press it."""

    async def press(self, interaction: Interaction) -> None:
        await submit_job(interaction, await preferred_recipe(interaction, self.match["include"]))
