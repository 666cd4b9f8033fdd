"""Greets a server that the bot has just joined, with examples to try with one click."""

import asyncio
from typing import Any

import discord
import structlog

from bot.client import ImagineBot
from bot.errors import CONNECTION_ERRORS
from bot.services.channels import announcement_channel
from bot.services.examples import example_buttons
from core.discord_ui.views import static_layout
from core.i18n import gettext, gettext_noop, use_locale

log = structlog.stdlib.get_logger(__name__)

TEXT = gettext_noop("""\
### Hi, I'm Imagine!
Describe an image with `/imagine`, and watch it form right here. Or try an example:""")
HINTS = gettext_noop("""\
-# `/help` explains the rest on one screen.
-# Moderators: `/mod` sets channels, limits and words that aren't allowed.""")


async def welcome_new_servers(bot: ImagineBot) -> None:
    """Greets each server once, when the bot joins it, until cancelled."""
    joined: asyncio.Queue[discord.Guild] = asyncio.Queue()

    async def on_guild_join(guild: discord.Guild) -> None:
        joined.put_nowait(guild)

    bot.event(on_guild_join)
    while True:
        guild = await joined.get()
        try:
            await _welcome(bot, guild)
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            log.warning("server not greeted", guild=guild.id, error=str(error))


async def _welcome(bot: ImagineBot, guild: discord.Guild) -> None:
    channel = announcement_channel(guild)
    if channel is None:
        log.info("no channel for a greeting", guild=guild.id)
        return
    with use_locale(guild.preferred_locale.value):
        box = discord.ui.Container[Any](
            discord.ui.TextDisplay(gettext(TEXT)),
            discord.ui.ActionRow(*example_buttons(bot.settings.model)),
            discord.ui.TextDisplay(gettext(HINTS)),
            accent_colour=discord.Colour.blurple(),
        )
    await channel.send(view=static_layout([box]))
    log.info("server greeted", guild=guild.id, channel=channel.id)
