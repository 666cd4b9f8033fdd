"""Posts a weekly summary of the bot's use in the log channels of servers that want one.

The time of the next one is stored, so a restart neither skips nor repeats one. A digest that was
sent right before a crash is recognised by its nonce, or found in the channel. A digest stays due
while the log channel is gone or closed.
"""

import asyncio
import time

import discord
import structlog

from bot.client import ImagineBot
from bot.services.audit_log_feed import guild_language, nonce_of, send_to_log_channel
from bot.services.channels import is_available
from bot.services.host_status import statistics_embed
from core.database.errors import StoreError
from core.database.statistics import WEEK, UsageStatistics
from core.database.weekly_digests import DueDigest, WeeklyDigests
from core.discord_ui.own_messages import NONCE_KNOWN_SECONDS, own_messages
from core.i18n import gettext, use_locale

log = structlog.stdlib.get_logger(__name__)

POLL_SECONDS = 60.0  #: between two checks for digests that are due
RETRY_SECONDS = 3600.0  #: between two attempts to post in a channel that is gone or closed


async def post_weekly_digests(bot: ImagineBot) -> None:
    """Posts what is due, until cancelled."""
    await bot.wait_until_ready()
    digests = WeeklyDigests(bot.database)
    closed: dict[int, float] = {}
    while True:
        try:
            for digest in await digests.due():
                waiting = closed.get(digest.channel_id, 0.0) > time.monotonic()
                if is_available(bot, digest.guild_id) and not waiting:
                    await _try_to_post(bot, digests, digest, closed)
        except StoreError as error:
            log.warning("weekly digests not read, retrying", error=str(error))
        await asyncio.sleep(POLL_SECONDS)


async def _try_to_post(
    bot: ImagineBot, digests: WeeklyDigests, digest: DueDigest, closed: dict[int, float]
) -> None:
    """Posts a digest, or leaves it due. Raises StoreError.

    `closed` is when to try each channel again that is gone or closed.
    """
    try:
        if await _post(bot, digest):
            await digests.mark_posted(digest)
        else:
            closed[digest.channel_id] = time.monotonic() + RETRY_SECONDS
    except StoreError:
        raise
    except (discord.HTTPException, discord.RateLimited, OSError) as error:
        log.warning("weekly digest not posted, retrying", guild=digest.guild_id, error=str(error))
    except Exception:
        log.exception("weekly digest not posted, retrying", guild=digest.guild_id)


async def _post(bot: ImagineBot, digest: DueDigest) -> bool:
    """Posts a digest, unless it was posted before; False if its channel is gone or closed."""
    week = await UsageStatistics(bot.database).since(bot.database.now() - WEEK, digest.guild_id)
    with use_locale(guild_language(bot, digest.guild_id)):
        embed = statistics_embed(week, gettext("The last 7 days on this server"))
    if abs(bot.database.now() - digest.due_at) > NONCE_KNOWN_SECONDS:
        async for sent in own_messages(bot, digest.channel_id, digest.due_at):
            if any(each.title == embed.title for each in sent.embeds):
                return True  # sent by an earlier process, which did not record it
    nonce = nonce_of("digest", digest.guild_id, digest.due_at)
    return await send_to_log_channel(bot, digest.channel_id, embed, None, nonce) is not None
