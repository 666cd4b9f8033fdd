"""A server's refused words, applied to what moderators set for all of its members."""

import asyncio
from collections.abc import Iterable

from bot.errors import RefusedError
from bot.types import Interaction
from core.discord_ui.text import escape
from core.i18n import gettext
from core.word_filter import first_hit


async def refuse_forbidden_words(interaction: Interaction, texts: Iterable[str]) -> None:
    """Raises RefusedError for a word that requests of this server may contain nowhere."""
    words = await interaction.client.guild_rules.words(interaction.guild_id or 0)
    everywhere = [rule for rule in words if not rule.age_restricted]
    if hit := await asyncio.to_thread(first_hit, everywhere, "\n".join(texts)):
        raise RefusedError(
            gettext(
                "“{found}” matches the rule “{rule}”, so every request would be refused.",
                found=escape(hit.found),
                rule=escape(hit.rule.text),
            )
        )
