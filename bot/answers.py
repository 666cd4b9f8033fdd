"""Answers that take their time: acknowledged within three seconds, and given for certain.

An answer is written down before Discord is told that the bot is thinking, and struck out once
Discord has taken it. What stays open, because the bot was killed or Discord failed, is finished
by `finish_left`, after a restart as well: with the card if the job is queued, else with a reason.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import structlog

from bot.incidents import ACKNOWLEDGED, is_gone, report
from jobs.answers import Answer, Answers
from jobs.card import card
from jobs.job import Job, State
from jobs.language import mark, say, speaking
from jobs.store import StoreError

if TYPE_CHECKING:
    from bot.client import ImagineBot

log = structlog.stdlib.get_logger(__name__)

NOTE_SECONDS = 1.0
"""How long the note may take before Discord is told, which waits for three seconds in all."""

TRIES = 3  #: at acknowledging, if connections break
LOOK_SECONDS = 5.0  #: between two looks for answers that were left open
ORIGINAL: Any = "@original"
"""Stands for the id of the message that answers an interaction; discord.py's types know numbers."""

INTERRUPTED = mark("I was interrupted before this was queued, so nothing was. Please ask again.")
PAINTED_THERE = mark("I paint it for you here: {link}")

Interaction = discord.Interaction["ImagineBot"]
Work = Callable[[int | None], Awaitable[bool]]
"""Called with the id of the message that is thinking; says whether Discord has taken the answer."""

BROKEN = (aiohttp.ClientError, OSError, TimeoutError)


async def answer(interaction: Interaction, work: Work, *, ephemeral: bool = False) -> None:
    """Acknowledges an interaction and answers it by `work`, or by what `work` raises.

    Raises what keeps it from being acknowledged, nothing else.
    """
    bot, number = interaction.client, interaction.id
    if number in bot.heard:
        log.info("an interaction was heard twice")
        return
    bot.heard.append(number)
    answers = Answers(bot.store)
    noting = asyncio.create_task(
        answers.begin(Answer(number, interaction.token, interaction.locale.value))
    )
    bot.answering.add(number)
    try:
        await asyncio.wait({noting}, timeout=NOTE_SECONDS)
        try:
            message_id = await _acknowledge(interaction, ephemeral)
        except Exception as error:
            if is_gone(error):
                await noting
                await answers.end(number)
            raise
        if await _worked(interaction, noting, work, message_id):
            await answers.end(number)
    except StoreError as error:
        log.warning("an answer stays open", error=str(error))
    finally:
        bot.answering.discard(number)


async def _worked(
    interaction: Interaction, noting: asyncio.Task[None], work: Work, message_id: int | None
) -> bool:
    """Whether the member has what they were to be told, be it what went wrong."""
    try:
        await noting
        return await work(message_id)
    except Exception as error:
        return await report(interaction, error)


async def _acknowledge(interaction: Interaction, ephemeral: bool) -> int | None:
    """Says that the bot is thinking; the id of that message.

    If Discord's word on it is lost, it may have taken effect or not: it is said once more, here
    or by discord.py, and what Discord then calls said before was said by us.
    """
    response = interaction.response
    for _ in range(TRIES):
        try:
            deferred = await response.defer(thinking=True, ephemeral=ephemeral)
            return deferred.message_id if deferred else None
        except BROKEN as error:
            log.warning("an acknowledgement was lost, trying again", error=str(error))
        except discord.HTTPException as error:
            if error.code != ACKNOWLEDGED:
                raise
            break
    message = await _original(interaction)
    # discord.py believes that nothing was said; `report` looks there.
    response._response_type = discord.InteractionResponseType.deferred_channel_message
    return message.id


async def _original(interaction: Interaction) -> discord.InteractionMessage:
    for _ in range(TRIES - 1):
        with suppress(*BROKEN):
            return await interaction.original_response()
    return await interaction.original_response()


async def finish_left(bot: "ImagineBot") -> None:
    """Finishes what was left open, until cancelled."""
    answers = Answers(bot.store)
    while True:
        try:
            for left in await answers.left():
                if left.interaction_id not in bot.answering and await _finished(bot, left):
                    await answers.end(left.interaction_id)
        except StoreError as error:
            log.warning("open answers cannot be looked for", error=str(error))
        await asyncio.sleep(LOOK_SECONDS)


async def _finished(bot: "ImagineBot", left: Answer) -> bool:
    """Whether an open answer is given now, or nobody can be told any more."""
    job = None if left.job_id is None else await bot.store.job(left.job_id)
    place = None if job is None else await bot.store.position(job.id)
    try:
        with speaking(left.locale):
            await _give(bot, left, job, place)
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


async def _give(bot: "ImagineBot", left: Answer, job: Job | None, place: int | None) -> None:
    webhook = _webhook(bot, left)
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


def _webhook(bot: "ImagineBot", left: Answer) -> discord.Webhook:
    """The way to an answer that goes by the interaction's token, as discord.py makes it itself."""
    way: Any = {"id": str(bot.application_id), "type": 3, "token": left.token}
    return discord.Webhook.from_state(way, state=bot._connection)
