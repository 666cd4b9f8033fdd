"""/mod styles: the server's own styles, which members can choose besides the built-in ones."""

import asyncio

import discord
from discord import app_commands

from bot import policy
from bot.commands.autocompletion import in_time, matching_texts
from bot.commands.choices import StyleName
from bot.commands.mod.parameters import guild_of
from bot.components.moderation_lists import StyleList
from bot.errors import RefusedError
from bot.services.admission import channel_context
from bot.services.attachments import store_attachment
from bot.services.responses import acknowledged
from bot.services.styles import global_style
from bot.services.word_rules import refuse_forbidden_words
from bot.types import Interaction
from core.database.guild_styles import MAX_STYLES
from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop
from core.own_styles import MAX_STYLE_LENGTH, name_taken, own_style
from core.recipe import Recipe
from core.styles import Style
from core.word_filter import first_hit

PromptsText = app_commands.Range[str, 1, MAX_STYLE_LENGTH]


class StylesGroup(
    app_commands.Group, name="styles", description=gettext_noop("Manage this server's own styles")
):
    @app_commands.command(
        name="add", description=gettext_noop("Add a style to this server, or replace one")
    )
    @app_commands.describe(
        name=gettext_noop("What members choose, such as: our comic"),
        include=gettext_noop(
            "Prompts to add, with small weights: a comic book panel:0.4 | ink:0.2"
        ),
        exclude=gettext_noop("Prompts to exclude as well, such as: a photograph:0.2"),
        image=gettext_noop("An example of what it looks like, shown in /styles"),
    )
    async def add(
        self,
        interaction: Interaction,
        name: StyleName,
        include: PromptsText,
        exclude: PromptsText = "",
        image: discord.Attachment | None = None,
    ) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            style = own_style(name, include, exclude)
            if global_style(interaction, style.name):
                raise name_taken(style.name)
            await _check_words(interaction, style)
            uploaded = await _store_example(interaction, image) if image else None
            bot, guild_id = interaction.client, guild_of(interaction)
            if not await bot.guild_styles.add(guild_id, style, interaction.user.id, uploaded):
                raise RefusedError(
                    gettext("There are already {most} styles: remove some first.", most=MAX_STYLES)
                )
            text = gettext(
                "Members of this server can now choose the style “{name}”.", name=escape(style.name)
            )
            if not policy.may_understand(_recipe_with(style), bot.settings.model):
                unknown = gettext("But the model knows none of its words.")
                text = f"{text} {unknown}"
            await response.edit(text)

    @app_commands.command(
        name="remove", description=gettext_noop("Remove a style; images made with it stay")
    )
    @app_commands.describe(name=gettext_noop("As shown in the list"))
    async def remove(self, interaction: Interaction, name: StyleName) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            styles, shown = interaction.client.guild_styles, escape(name)
            if not await styles.remove(guild_of(interaction), name, interaction.user.id):
                raise RefusedError(
                    gettext("“{name}” is not in the list: see `/mod styles list`.", name=shown)
                )
            await response.edit(gettext("The style “{name}” was removed.", name=shown))

    @app_commands.command(name="list", description=gettext_noop("See this server's own styles"))
    async def show_list(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            embed, view = await StyleList.first_page(interaction)
            await response.edit(embed=embed, view=view)

    @remove.autocomplete("name")
    async def _suggest(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        styles = await in_time(interaction.client.guild_styles.all(guild_of(interaction)))
        return matching_texts(typed, (style.name for style in styles or ()))


def _recipe_with(style: Style) -> Recipe:
    """A recipe of this style alone, to check whether the model understands it."""
    return Recipe(include=style.include, width=64, height=64, steps=1, seed=0)


async def _check_words(interaction: Interaction, style: Style) -> None:
    """Raises RefusedError for a refused word.

    All members see the name, so words for age-restricted channels are refused there, too.
    """
    prompts = (*style.include, *style.exclude)
    await refuse_forbidden_words(interaction, (prompt.text for prompt in prompts))
    rules = await interaction.client.guild_rules.words(guild_of(interaction))
    if hit := await asyncio.to_thread(first_hit, rules, style.name):
        raise RefusedError(
            gettext(
                "“{found}” in the name matches the rule “{rule}”.",
                found=escape(hit.found),
                rule=escape(hit.rule.text),
            )
        )


async def _store_example(interaction: Interaction, image: discord.Attachment) -> str:
    """Stores the example as the moderator's upload. Raises RefusedError, StoreError."""
    return await store_attachment(
        interaction.client,
        image,
        member_id=interaction.user.id,
        guild_id=interaction.guild_id,
        age_restricted=channel_context(interaction).age_restricted,
        spoilered=False,
    )
