"""/mod words: words that prompts may not contain, or only in age-restricted channels."""

import asyncio

from discord import app_commands
from discord.app_commands import locale_str

from bot.commands.autocompletion import in_time, matching_texts
from bot.commands.mod.parameters import guild_of
from bot.components.moderation_lists import AGE_RESTRICTED, EVERYWHERE, WordList, where_text
from bot.errors import RefusedError
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop
from core.moderation import WordRule
from core.prompts import MAX_PROMPT_LENGTH, canonical
from core.word_filter import first_hit, is_word

MAX_WORD, MAX_WORDS = 100, 1000

Word = app_commands.Range[str, 1, MAX_WORD]


class WordsGroup(
    app_commands.Group, name="words", description=gettext_noop("Manage refused words")
):
    @app_commands.command(
        name="add", description=gettext_noop("Refuse prompts with a word, or with several in a row")
    )
    @app_commands.describe(
        word=gettext_noop(
            "A whole word, matched in any spelling or disguise; nud* also matches nudes and nudity"
        ),
        where=gettext_noop("Where it is refused"),
    )
    @app_commands.choices(
        where=[
            app_commands.Choice(name=locale_str(EVERYWHERE), value=EVERYWHERE),
            app_commands.Choice(name=locale_str(AGE_RESTRICTED), value=AGE_RESTRICTED),
        ]
    )
    async def add(self, interaction: Interaction, word: Word, where: str = EVERYWHERE) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            text = canonical(word)
            if not is_word(text):
                raise RefusedError(gettext("A word needs at least one letter or digit."))
            guild_rules, guild_id = interaction.client.guild_rules, guild_of(interaction)
            if len(await guild_rules.words(guild_id)) >= MAX_WORDS:
                raise RefusedError(
                    gettext("There are already {most} words: remove some first.", most=MAX_WORDS)
                )
            rule = WordRule(text, age_restricted=where == AGE_RESTRICTED)
            await guild_rules.add_word(guild_id, rule, interaction.user.id)
            await response.edit(
                gettext(
                    "Prompts with “{word}” are refused {where}.",
                    word=escape(text),
                    where=gettext(where),
                )
            )

    @app_commands.command(name="remove", description=gettext_noop("Allow a word again"))
    @app_commands.describe(word=gettext_noop("The word, as shown in the list"))
    async def remove(self, interaction: Interaction, word: Word) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            guild_rules = interaction.client.guild_rules
            if not await guild_rules.remove_word(guild_of(interaction), word, interaction.user.id):
                raise RefusedError(
                    gettext(
                        "“{word}” is not in the list: see `/mod words list`.", word=escape(word)
                    )
                )
            await response.edit(gettext("“{word}” is allowed again.", word=escape(word)))

    @app_commands.command(name="list", description=gettext_noop("See the refused words"))
    async def show_list(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            embed, view = await WordList.first_page(interaction)
            await response.edit(embed=embed, view=view)

    @app_commands.command(
        name="test", description=gettext_noop("See which refused word a prompt contains")
    )
    @app_commands.describe(text=gettext_noop("The prompt"))
    async def test(
        self, interaction: Interaction, text: app_commands.Range[str, 1, MAX_PROMPT_LENGTH]
    ) -> None:
        async with acknowledged(interaction, ephemeral=True) as response:
            rules = await interaction.client.guild_rules.words(guild_of(interaction))
            hit = await asyncio.to_thread(first_hit, rules, text)
            if hit is None:
                await response.edit(gettext("This prompt contains none of the refused words."))
                return
            await response.edit(
                gettext(
                    "“{found}” matches the rule “{rule}”, which is refused {where}.",
                    found=escape(hit.found),
                    rule=escape(hit.rule.text),
                    where=where_text(hit.rule),
                )
            )

    @remove.autocomplete("word")
    async def _suggest(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        guild_rules = interaction.client.guild_rules
        rules = await in_time(guild_rules.words(guild_of(interaction))) or ()
        return matching_texts(typed, (rule.text for rule in rules))
