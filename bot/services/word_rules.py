"""A server's refused words, applied to what moderators set for all of its members."""

import asyncio
from collections.abc import Iterable

from bot.client import ImagineBot
from bot.errors import RefusedError
from bot.types import Interaction
from core.discord_ui.text import escape
from core.i18n import gettext
from core.word_filter import Hit, first_hit


async def forbidden_word(bot: ImagineBot, guild_id: int, texts: Iterable[str]) -> Hit | None:
    """A word in the texts that a server refuses in every channel. Raises StoreError."""
    rules = await bot.guild_rules.words(guild_id)
    everywhere = [rule for rule in rules if not rule.age_restricted]
    return await asyncio.to_thread(first_hit, everywhere, "\n".join(texts))


async def refuse_forbidden_words(interaction: Interaction, texts: Iterable[str]) -> None:
    """Raises RefusedError if the texts contain a word that this server refuses everywhere."""
    if hit := await forbidden_word(interaction.client, interaction.guild_id or 0, texts):
        raise RefusedError(
            gettext(
                "“{found}” matches the rule “{rule}”, so every request would be refused.",
                found=escape(hit.found),
                rule=escape(hit.rule.text),
            )
        )
