"""Notices from the host to all servers: one message each, even across a restart.

Which servers a notice has reached is stored. A message that was sent right before a crash is
recognised by its nonce.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import discord
import structlog

from bot.client import ImagineBot
from bot.errors import CONNECTION_ERRORS
from bot.services.channels import announcement_channel
from core.database.host import Host
from core.discord_ui.views import static_layout
from core.i18n import gettext, gettext_noop, use_locale

log = structlog.stdlib.get_logger(__name__)

MAX_TEXT = 1500  #: characters of a notice
MAX_SECONDS = 600.0  #: after which the remaining servers get no notice

HEADING = gettext_noop("A notice from whoever runs this bot")


@dataclass(frozen=True, slots=True)
class Delivery:
    """How many servers a notice has reached, and which it hasn't."""

    reached: int
    unreached: tuple[discord.Guild, ...]


async def send_notice(bot: ImagineBot, notice_id: int, text: str) -> Delivery:
    """Sends a text to every server that this notice has not reached yet. Raises StoreError."""
    host = Host(bot.database)
    reached = await host.reached(notice_id)
    guilds = sorted(bot.guilds, key=lambda guild: guild.id)
    deadline = asyncio.get_running_loop().time() + MAX_SECONDS
    for guild in guilds:
        late = asyncio.get_running_loop().time() > deadline
        if guild.id not in reached and not late and await _send(guild, notice_id, text):
            await host.record_notice(notice_id, guild.id)
            reached.add(guild.id)
    unreached = tuple(guild for guild in guilds if guild.id not in reached)
    log.info(
        "notice sent",
        notice=notice_id,
        reached=len(guilds) - len(unreached),
        unreached=[guild.id for guild in unreached],
    )
    return Delivery(len(guilds) - len(unreached), unreached)


async def _send(guild: discord.Guild, notice_id: int, text: str) -> bool:
    """Sends a notice to a server; returns whether Discord accepted it."""
    channel = announcement_channel(guild)
    if channel is None:
        return False
    with use_locale(guild.preferred_locale.value):
        heading = gettext(HEADING)
    box = discord.ui.Container[Any](
        discord.ui.TextDisplay(f"### {heading}\n{text}"), accent_colour=discord.Colour.blurple()
    )
    try:
        await channel.send(view=static_layout([box]), nonce=f"n{notice_id}")
    except (discord.HTTPException, *CONNECTION_ERRORS) as error:
        log.warning("notice not sent", guild=guild.id, error=str(error))
        return False
    return True
