"""/mod theme: a weekly vote for a theme."""

import discord
from discord import app_commands

from bot.commands.mod.parameters import ChannelOption, guild_of
from bot.errors import RefusedError
from bot.services.channels import may_post
from bot.services.responses import acknowledged
from bot.services.word_rules import refuse_forbidden_words
from bot.themes import MAX_THEME_LENGTH
from bot.types import Interaction
from core.database.weekly_themes import MAX_HOURS, ThemeSettings, WeeklyThemes
from core.discord_ui.text import escape
from core.i18n import gettext, gettext_noop, ngettext
from core.prompts import MAX_PROMPT_LENGTH, parse_prompts


@app_commands.command(
    name="theme",
    description=gettext_noop("Let members vote for a theme each week (empty to stop)"),
)
@app_commands.describe(
    channel=gettext_noop("The channel for the votes"),
    hours=gettext_noop("How many hours each vote stays open (default: 24)"),
    themes=gettext_noop("Your own themes, separated by bars: a castle | a mole"),
)
async def theme(
    interaction: Interaction,
    channel: ChannelOption | None = None,
    hours: app_commands.Range[int, 1, MAX_HOURS] = 24,
    themes: app_commands.Range[str, 1, MAX_PROMPT_LENGTH] = "",
) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        votes = WeeklyThemes(interaction.client.database)
        guild_id, actor_id = guild_of(interaction), interaction.user.id
        if channel is None:
            await votes.set(guild_id, None, actor_id)
            await response.edit(gettext("There will be no more votes for a theme."))
            return
        _check_permissions(interaction, channel)
        own_themes = await _own_themes(interaction, themes) if themes else ()
        await votes.set(guild_id, ThemeSettings(channel.id, hours, own_themes), actor_id)
        await response.edit(
            ngettext(
                "Every week, members can vote for a theme in {channel}. A vote stays open for"
                " {n} hour.",
                "Every week, members can vote for a theme in {channel}. A vote stays open for"
                " {n} hours.",
                hours,
                channel=channel.mention,
            )
        )


async def _own_themes(interaction: Interaction, text: str) -> tuple[str, ...]:
    """The themes in the text.

    Raises RecipeError; RefusedError for a theme that is too long or contains a refused word.
    """
    themes = tuple(dict.fromkeys(prompt.text for prompt in parse_prompts(text)))
    for each in themes:
        if len(each) > MAX_THEME_LENGTH:
            raise RefusedError(
                gettext(
                    "“{theme}” is too long: a theme can have up to {most} characters.",
                    theme=escape(each),
                    most=MAX_THEME_LENGTH,
                )
            )
    await refuse_forbidden_words(interaction, themes)
    return themes


def _check_permissions(interaction: Interaction, channel: ChannelOption) -> None:
    """Raises RefusedError unless the bot can post polls there and read their results."""
    assert interaction.guild is not None
    if may_post(
        interaction.guild,
        channel.id,
        discord.Permissions(send_polls=True, read_message_history=True),
    ):
        return
    raise RefusedError(
        gettext(
            "I can't hold votes in {channel}. I need these permissions there: View Channel, Send"
            " Messages, Create Polls and Read Message History.",
            channel=channel.mention,
        )
    )
