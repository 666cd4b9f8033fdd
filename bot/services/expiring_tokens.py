"""Announces in a response that its token expires soon, if only that token can edit it."""

import asyncio
import time

import aiohttp
import discord
import structlog

from bot.client import ImagineBot
from core.database.errors import StoreError
from core.database.response_tokens import ResponseTokens
from core.discord_ui.job_message import job_message
from core.i18n import gettext, gettext_noop, use_locale
from core.job import Job, ResponseToken

log = structlog.stdlib.get_logger(__name__)

POLL_SECONDS = 5.0
ANNOUNCE_SECONDS = 60.0
"""Seconds before the end of a token; the engine shows no frames in the last 90."""

CONTINUES = gettext_noop(
    "Discord lets me update this message for 15 minutes only. I'll send you the result by direct"
    " message. If you don't accept those from me, look it up later with /show job:{job} or"
    " /history."
)


async def announce_expiring_tokens(bot: ImagineBot) -> None:
    """Announces it in each response, a minute before the end, until cancelled."""
    tokens = ResponseTokens(bot.database)
    await bot.wait_until_ready()
    while True:
        try:
            for job_id, token in await tokens.expiring(time.time() + ANNOUNCE_SECONDS):
                await tokens.mark_announced(job_id)
                if job := await bot.jobs.get(job_id):
                    await _announce(bot, job, token)
        except StoreError as error:
            log.warning("expiring tokens not read, retrying", error=str(error))
        except Exception:
            log.exception("expiring tokens not announced, retrying")
        await asyncio.sleep(POLL_SECONDS)


async def _announce(bot: ImagineBot, job: Job, token: ResponseToken) -> None:
    with use_locale(job.locale):
        note = gettext(CONTINUES, job=job.id)
    webhook = discord.Webhook.partial(token.application_id, token.token, client=bot)
    try:
        await webhook.edit_message(token.message_id, view=job_message(job, notes=[note]))
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        log.warning("expiring token not announced", job=job.id, error=str(error))
