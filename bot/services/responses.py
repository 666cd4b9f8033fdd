"""Answers that take their time: acknowledged within three seconds, and given for certain.

An answer is written down before Discord is told that the bot is thinking, and struck out once
Discord has taken it. What stays open, because the bot was killed or Discord failed, is given by
`bot.services.pending_responses`, after a restart as well.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import discord
import structlog

from bot.client import ImagineBot
from bot.errors import ACKNOWLEDGED, BROKEN, is_gone, report
from core.database.jobs import StoreError
from core.database.pending_responses import Answer, Answers

log = structlog.stdlib.get_logger(__name__)

NOTE_SECONDS = 1.0
"""How long the note may take before Discord is told, which waits for three seconds in all."""

TRIES = 3  #: at acknowledging, if connections break

Interaction = discord.Interaction[ImagineBot]
Work = Callable[[int | None], Awaitable[bool]]
"""Called with the id of the message that is thinking; says whether Discord has taken the answer."""


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
