"""/mod images: concepts that CLIP looks for in finished images, and what happens to a match."""

from discord import app_commands
from discord.app_commands import locale_str

from bot.commands.autocompletion import in_time, matching_texts
from bot.commands.mod.parameters import guild_of
from bot.components.moderation_lists import CHECK_ACTIONS, concept_line, list_embed
from bot.errors import RefusedError
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop
from core.image_check import MAX_CONCEPT, MAX_CONCEPTS, CheckAction, Concept, concept_text

ConceptOption = app_commands.Range[str, 1, MAX_CONCEPT]


class ImagesGroup(
    app_commands.Group,
    name="images",
    description=gettext_noop("Manage what finished images are checked for"),
):
    @app_commands.command(
        name="add", description=gettext_noop("Check finished images for something, such as a gun")
    )
    @app_commands.describe(
        concept=gettext_noop("What an image may not show, in a few English words"),
        action=gettext_noop("What happens to such an image (default: spoiler)"),
    )
    @app_commands.choices(
        action=[
            app_commands.Choice(name=locale_str(name), value=action.value)
            for action, name in CHECK_ACTIONS.items()
        ]
    )
    async def add(
        self,
        interaction: Interaction,
        concept: ConceptOption,
        action: str = CheckAction.SPOILER.value,
    ) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            try:
                added = Concept(concept_text(concept), CheckAction(action))
            except ValueError:
                raise RefusedError(
                    gettext("Describe what to look for in a few words, without | and =.")
                ) from None
            rules, guild_id = interaction.client.guild_rules, guild_of(interaction)
            if len(await rules.concepts(guild_id)) >= MAX_CONCEPTS:
                raise RefusedError(
                    gettext(
                        "There are already {most} concepts: remove some first.", most=MAX_CONCEPTS
                    )
                )
            await rules.add_concept(guild_id, added, interaction.user.id)
            await response.edit(
                gettext("Images are checked from now on: {concept}.", concept=concept_line(added))
            )

    @app_commands.command(
        name="remove", description=gettext_noop("No longer check images for something")
    )
    @app_commands.describe(concept=gettext_noop("As shown in the list"))
    async def remove(self, interaction: Interaction, concept: ConceptOption) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            rules, guild_id = interaction.client.guild_rules, guild_of(interaction)
            shown = escape(concept)
            if not await rules.remove_concept(guild_id, concept, interaction.user.id):
                raise RefusedError(
                    gettext(
                        "“{concept}” is not in the list: see `/mod images list`.", concept=shown
                    )
                )
            await response.edit(
                gettext("Images are no longer checked for “{concept}”.", concept=shown)
            )

    @app_commands.command(
        name="list", description=gettext_noop("See what finished images are checked for")
    )
    async def show_list(self, interaction: Interaction) -> None:
        """The server's concepts, and those that the host has set for all servers."""
        async with acknowledged(interaction, ephemeral=True) as response:
            bot = interaction.client
            own = await bot.guild_rules.concepts(guild_of(interaction))
            lines = [concept_line(each) for each in own]
            lines += [
                gettext("{concept} (on every server)", concept=concept_line(each))
                for each in bot.settings.image_check
            ]
            await response.edit(embed=list_embed(gettext("Image check"), lines))

    @remove.autocomplete("concept")
    async def _suggest(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        concepts = interaction.client.guild_rules.concepts(guild_of(interaction))
        return matching_texts(typed, (each.text for each in await in_time(concepts) or ()))
