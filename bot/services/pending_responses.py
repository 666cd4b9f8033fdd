"""Answers that were left open, because the bot was killed or Discord failed: they are given later.

With the card if the job is queued, else with a reason; within the 15 minutes for which Discord
takes an answer at all. What is open stands in the database (see `bot.services.responses`).
"""

import asyncio
from collections.abc import Collection
from typing import Any

import discord
import structlog

from bot.errors import BROKEN, is_gone
from core.database.jobs import Store, StoreError
from core.database.pending_responses import Answer, Answers
from core.discord_ui.job_message import card
from core.i18n import mark, say, speaking
from core.job import Job, State

log = structlog.stdlib.get_logger(__name__)

LOOK_SECONDS = 5.0  #: between two looks
ORIGINAL: Any = "@original"
"""Stands for the id of the message that answers an interaction; discord.py's types know numbers."""

INTERRUPTED = mark("I was interrupted before this was queued, so nothing was. Please ask again.")
PAINTED_THERE = mark("I paint it for you here: {link}")


async def finish_open_answers(
    bot: discord.Client, store: Store, being_given: Collection[int]
) -> None:
    """Finishes what was left open, until cancelled; not what is `being_given` at the time."""
    answers = Answers(store)
    while True:
        try:
            for left in await answers.left():
                if left.interaction_id in being_given:
                    continue
                if await _finished(_webhook(bot, left), store, left):
                    await answers.end(left.interaction_id)
        except StoreError as error:
            log.warning("open answers cannot be looked for", error=str(error))
        await asyncio.sleep(LOOK_SECONDS)


async def _finished(webhook: discord.Webhook, store: Store, left: Answer) -> bool:
    """Whether an open answer is given now, or nobody can be told any more."""
    job = None if left.job_id is None else await store.job(left.job_id)
    place = None if job is None else await store.position(job.id)
    try:
        with speaking(left.locale):
            await _give(webhook, job, place)
    except discord.HTTPException as error:
        if is_gone(error) or isinstance(error, discord.NotFound):
            return True
        log.warning("an open answer could not be given, trying again", error=str(error))
        return False
    except BROKEN as error:
        log.warning("an open answer could not be given, trying again", error=str(error))
        return False
    log.info("an open answer was given", job=left.job_id)
    return True


async def _give(webhook: discord.Webhook, job: Job | None, place: int | None) -> None:
    if job is None:
        try:
            await webhook.edit_message(ORIGINAL, content=say(INTERRUPTED))
        except discord.NotFound as error:
            if is_gone(error):
                raise
            # It was taken back for a refusal that never came.
            await webhook.send(say(INTERRUPTED), ephemeral=True)
        return
    original = await webhook.fetch_message(ORIGINAL)
    if original.channel.id != job.channel_id:
        link = f"https://discord.com/channels/@me/{job.channel_id}"
        await original.edit(content=say(PAINTED_THERE, link=link))
    elif job.state is State.QUEUED:
        drawn = card(job, position=place)
        await original.edit(content=None, embed=drawn.embed, view=drawn.view)


def _webhook(bot: discord.Client, left: Answer) -> discord.Webhook:
    """The way to an answer that goes by the interaction's token, as discord.py makes it itself."""
    way: Any = {"id": str(bot.application_id), "type": 3, "token": left.token}
    return discord.Webhook.from_state(way, state=bot._connection)
